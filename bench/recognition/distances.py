"""The distances between faces, and their picture."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.recognition.questions import Embedded, Photos
from hybridsphere.recognition.space import TOLERANCE

Distances = npt.NDArray[np.float64]

_LONGEST = 1.2
_BINS = 60

# In pixels.
_WIDTH, _ROW, _LEFT, _BAR = 620, 50, 190, 38
_STYLE = 'font-family="sans-serif" font-size="12" fill="#1f2328"'
_SAME, _OTHER = "#2f6feb", "#e3873e"


class Kind(NamedTuple):
    """Pairs of one kind, and whether they show one person."""

    title: str
    same: bool
    distances: Distances


def kinds(photos: Embedded) -> list[Kind]:
    """Return the distances between the photographs of a way, by kind of pair."""
    known, group = _pairs(photos.known), _pairs(photos.group)
    return [
        Kind("one person", True, known[0]),
        Kind("two people", False, known[1]),
        Kind("two East Asian people", False, group[1]),
    ]


def _pairs(people: Photos) -> tuple[Distances, Distances]:
    """Return the distances of all pairs of one person, and of two."""
    found = [(name, photo.row) for name, photos in people.items() for photo in photos if photo]
    names, matrix = np.array([name for name, _ in found]), np.array([row for _, row in found])
    upper = np.triu_indices(len(found), 1)
    same = (names[:, None] == names[None])[upper]
    squares = (matrix * matrix).sum(axis=1)
    between = squares[:, None] + squares[None] - 2 * matrix @ matrix.T
    distances = np.sqrt(np.maximum(between, 0))[upper]
    return distances[same], distances[~same]


def share_within(distances: Distances) -> float:
    """Return the share of pairs within the tolerance."""
    return float((distances <= TOLERANCE).mean())


def picture(by_way: dict[str, list[Kind]]) -> str:
    """Return an SVG: a block a way, a row of bars a kind, over distances from 0 to 1.2."""
    lines: list[str] = []
    top = 6
    for way, rows in by_way.items():
        lines.append(f'<text x="10" y="{top + 16}" font-weight="600">{way}</text>')
        top += 20
        for kind in rows:
            lines += _row(kind, top)
            top += _ROW
        x = _x(TOLERANCE)
        dashes = f"M{x:.0f} {top - _ROW * len(rows)}V{top}"
        lines.append(f'<path d="{dashes}" stroke="#888" stroke-dasharray="4"/>')
        for mark in (0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2):
            lines.append(
                f'<text x="{_x(mark):.0f}" y="{top + 15}" text-anchor="middle">{mark}</text>'
            )
        top += 28
    size = f'viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_STYLE} role="img">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            *lines,
            "</svg>\n",
        ]
    )


def _row(kind: Kind, top: int) -> Iterator[str]:
    counts, edges = np.histogram(kind.distances, bins=_BINS, range=(0, _LONGEST))
    bottom, width = top + _ROW - 4, _x(edges[1]) - _x(edges[0])
    bars = "".join(
        f"M{_x(edge):.1f} {bottom}v-{_BAR * count / counts.max():.1f}h{width - 0.5:.1f}V{bottom}"
        for edge, count in zip(edges, counts, strict=False)
        if count
    )
    yield f'<text x="10" y="{bottom - 8}">{kind.title} ({len(kind.distances):,})</text>'
    yield f'<path d="{bars}" fill="{_SAME if kind.same else _OTHER}"/>'


def _x(distance: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - 20) * float(distance) / _LONGEST
