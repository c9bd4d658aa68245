"""People of a gallery who look alike: whom they may be mistaken for, and who is in it twice."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lambda_fn.gallery.gallery import Gallery

# Half the tolerance. Of 4,851 pairs of faces of different people none lies nearer than 0.36, while
# pictures of one person taken together lie around 0.3 (docs/recognition.md).
_SAME_FACE = 1 / 2


class Pair(NamedTuple):
    """Two people, and the distance of their nearest embeddings."""

    distance: float
    one: str
    other: str


def nearest_pairs(gallery: Gallery, count: int) -> list[Pair]:
    """The pairs of different people who lie nearest to each other, the nearest first."""
    best: list[Pair] = []
    for one, others, distances in _distances(gallery):
        farthest = best[-1].distance if len(best) == count else np.inf
        near = np.flatnonzero(distances < farthest)
        near = near[np.argsort(distances[near])[:count]]
        best += [Pair(float(distances[at]), one, others[at]) for at in near]
        best = sorted(best)[:count]
    return best


def concerns(gallery: Gallery, tolerance: float) -> list[str]:
    """A line for each pair of people who lie within the tolerance of each other."""
    near = [
        Pair(float(distances[at]), one, others[at])
        for one, others, distances in _distances(gallery)
        for at in np.flatnonzero(distances <= tolerance)
    ]
    return [_concern(pair, tolerance) for pair in sorted(near)]


def _concern(pair: Pair, tolerance: float) -> str:
    if pair.distance <= tolerance * _SAME_FACE:
        return (
            f"{pair.one} and {pair.other} are the same face, it seems (distance "
            f"{pair.distance:.2f}): remove one of them"
        )
    return (
        f"{pair.one} and {pair.other} lie within the tolerance of each other (distance "
        f"{pair.distance:.2f}): they may be mistaken; other photographs may tell them better apart"
    )


def _distances(gallery: Gallery) -> Iterator[tuple[str, list[str], npt.NDArray[np.float64]]]:
    """Each person, those after them by name, and how near those come."""
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
