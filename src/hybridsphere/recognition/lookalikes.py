"""People of a gallery who look alike, as a short summary."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.gallery import SAME_FACE, Gallery
from hybridsphere.recognition.space import TOLERANCE

_PAIRS_SHOWN = 10


class Pair(NamedTuple):
    """Two people, and the distance of their nearest embeddings."""

    distance: float
    one: str
    other: str


class LookAlikes(NamedTuple):
    """The nearest pairs, the nearest first, and the number of pairs within a tolerance."""

    nearest: list[Pair]
    within: int


def look_alikes(
    gallery: Gallery, tolerance: float = TOLERANCE, shown: int = _PAIRS_SHOWN
) -> LookAlikes:
    """Find the `shown` nearest pairs of different people, and count those within `tolerance`."""
    best: list[Pair] = []
    count = 0
    for one, others, distances in _distances(gallery):
        count += int((distances <= tolerance).sum())
        farthest = best[-1].distance if len(best) == shown else np.inf
        near = np.flatnonzero(distances < farthest)
        near = near[np.argsort(distances[near])[:shown]]
        best += [Pair(float(distances[at]), one, others[at]) for at in near]
        best = sorted(best)[:shown]
    return LookAlikes(best, count)


def nearest_pairs(gallery: Gallery, count: int) -> list[Pair]:
    """Return the pairs of different people that lie nearest to each other, the nearest first."""
    return look_alikes(gallery, shown=count).nearest


def nearest_of_each(gallery: Gallery) -> dict[str, Pair]:
    """Return the nearest other person of each person; nobody's where there is one person."""
    people = sorted(set(gallery.names))
    if len(people) < 2:
        return {}
    nearest = np.full(len(people), np.inf)
    like = np.zeros(len(people), int)
    for at, (_, _, distances) in enumerate(_distances(gallery)):
        if not len(distances):
            continue
        if (least := distances.min()) < nearest[at]:
            nearest[at], like[at] = least, at + 1 + int(distances.argmin())
        nearer = at + 1 + np.flatnonzero(distances < nearest[at + 1 :])
        nearest[nearer], like[nearer] = distances[nearer - at - 1], at
    return {
        name: Pair(float(nearest[at]), name, people[like[at]]) for at, name in enumerate(people)
    }


def concerns(gallery: Gallery, tolerance: float) -> list[str]:
    """Return a summary of the look-alikes, a line for the count and one for each nearest pair."""
    nearest, count = look_alikes(gallery, tolerance)
    if not count:
        return []
    shown = [pair for pair in nearest if pair.distance <= tolerance]
    people = "pair of people lies" if count == 1 else "pairs of people lie"
    counted = f"{count} {people} within the tolerance of each other and may be mistaken"
    listed = f"; the {len(shown)} nearest:" if count > len(shown) else ":"
    return [counted + listed, *map(_line, shown)]


def _line(pair: Pair) -> str:
    if pair.distance <= SAME_FACE:
        return (
            f"  {pair.distance:.2f}  {pair.one} and {pair.other}: the same face, it seems; "
            "remove one of them"
        )
    return f"  {pair.distance:.2f}  {pair.one} and {pair.other}"


def _distances(gallery: Gallery) -> Iterator[tuple[str, list[str], npt.NDArray[np.float64]]]:
    """Yield each person with the people after them by name, and the distances of those."""
    order = sorted(range(len(gallery)), key=lambda row: gallery.names[row])
    rows = gallery.embeddings[order]
    squares = np.einsum("ij,ij->i", rows, rows)
    names, starts = np.unique([gallery.names[row] for row in order], return_index=True)
    people = names.tolist()
    for at, (start, end) in enumerate(pairwise(starts)):
        # |a - b|² = |a|² - 2ab + |b|², for all rows b after this person's.
        apart = squares[start:end, None] - 2 * rows[start:end] @ rows[end:].T + squares[end:]
        nearest = np.minimum.reduceat(apart.min(axis=0), starts[at + 1 :] - end)
        yield people[at], people[at + 1 :], np.sqrt(np.maximum(nearest, 0))
