"""Where a frame differs from what was seen before: elsewhere there is nobody new to be found."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from lambda_fn.faces.box import Box
from lambda_fn.video.video import Frame

# Frames are compared at this width, cell by cell.
_WIDTH = 320
_CELL = 16

# What encoders make of a still picture differs by less, of 255; in the dark, where a face is faint
# as well, they are finer.
_NOTICEABLE = 12
_NOTICEABLE_IN_THE_DARK = 3
_DARK = 0.1

# So many pixels of a cell: a face of 40 pixels in a frame 1920 wide has forty there.
_PIXELS = 4

# Where more than this part of a frame changed, one look at all of it is as cheap.
_MOST = 0.6

# What only half appeared, little by little, is found by a look at the whole frame.
_WHOLE_EVERY_S = 10.0

_Cells = npt.NDArray[np.bool_]


class Changes:
    """Remembers what each part of the picture looked like when it was last looked at."""

    def __init__(self) -> None:
        self._seen: npt.NDArray[np.float32] = np.empty((0, 0), np.float32)
        self._whole_at_s = 0.0

    def regions(self, frame: Frame, faces: Iterable[Box]) -> list[Box]:
        """The parts of a frame to look at again, disjoint; none of them cuts one of the faces."""
        small = frame.grey(_WIDTH).astype(np.float32)
        whole = Box(0, frame.width, frame.height, 0)
        if small.shape != self._seen.shape or frame.at_s >= self._whole_at_s + _WHOLE_EVERY_S:
            self._seen, self._whole_at_s = small, frame.at_s
            return [whole]
        scale = frame.width / _WIDTH
        changed = [box.scaled(scale) for box in _patches(_changed_cells(small, self._seen))]
        regions = [
            region.within(frame.width, frame.height) for region in _joined(changed, list(faces))
        ]
        if sum(region.area for region in regions) > _MOST * whole.area:
            regions = [whole]
            self._whole_at_s = frame.at_s
        for region in regions:
            # Whatever else changed too little stays as it was, so that it adds up.
            top, right, bottom, left = (round(edge / scale) for edge in region)
            self._seen[top:bottom, left:right] = small[top:bottom, left:right]
        return regions


def _changed_cells(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> _Cells:
    """Which cells differ noticeably, row by row."""
    height, width = one.shape
    rows, columns = -(-height // _CELL), -(-width // _CELL)
    differs = np.zeros((rows * _CELL, columns * _CELL), np.bool_)
    noticeable = np.clip(_DARK * other, _NOTICEABLE_IN_THE_DARK, _NOTICEABLE)
    differs[:height, :width] = np.abs(one - other) > noticeable
    counts = differs.reshape(rows, _CELL, columns, _CELL).sum(axis=(1, 3))
    return np.asarray(counts >= _PIXELS)


def _patches(cells: _Cells) -> Iterator[Box]:
    """A box around each group of neighbouring cells, with some of its surroundings, in pixels."""
    left_over = {(int(row), int(column)) for row, column in np.argwhere(cells)}
    while left_over:
        edge = [left_over.pop()]
        patch = _cell(*edge[0])
        while edge:
            row, column = edge.pop()
            near = {(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)}
            edge += near & left_over
            left_over -= near
            patch = patch.around(_cell(row, column))
        # Of a face that turned up, the middle may be all that changed.
        yield patch.grown(max(_CELL, patch.height // 2), max(_CELL, patch.width // 2))


def _cell(row: int, column: int) -> Box:
    return Box(row * _CELL, (column + 1) * _CELL, (row + 1) * _CELL, column * _CELL)


def _joined(regions: list[Box], faces: list[Box]) -> list[Box]:
    """Regions without what they share; each face that one of them touches is whole in it."""
    waiting = list(regions)
    faces = [face.grown(face.height // 2, face.width // 2) for face in faces]
    joined: list[Box] = []
    while waiting:
        region = waiting.pop()
        touching = [box for box in (*joined, *faces) if box.touches(region)]
        if not touching:
            joined.append(region)
            continue
        joined = [box for box in joined if box not in touching]
        faces = [face for face in faces if face not in touching]
        for box in touching:
            region = region.around(box)
        waiting.append(region)
    return joined
