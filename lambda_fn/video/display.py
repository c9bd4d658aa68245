"""How a player shows a decoded picture: cropped, with square pixels, upright, unmirrored."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from lambda_fn.video.track import MAX_PIXELS

Pixels = npt.NDArray[np.uint8]
"""Pixels: `(height, width)` or `(height, width, 3)`."""

# The widest pixel of a real format is 2.2 times as wide as high; beyond this the header is wrong.
_WIDEST_PIXEL = 8

_MATRIX = struct.Struct("=9i")


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to lay a picture: transposed first, then its axes reversed."""

    transposed: bool = False
    reversed_rows: bool = False
    reversed_columns: bool = False

    @classmethod
    def of(cls, picture: VideoFrame) -> Self:
        """Return the orientation of a picture's display matrix, turned to the nearest quarter."""
        matrix = _display_matrix(picture)
        if matrix is None:
            # A mirrored picture has no angle, so the angle alone serves only without the matrix.
            turns = round(picture.rotation / 90) % 4
            return cls(turns % 2 == 1, turns in {1, 2}, turns in {2, 3})
        # A pixel at (x, y) is shown at (a*x + c*y, b*x + d*y); y points down.
        a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, d < 0, a < 0)
        return cls(True, b < 0, c < 0)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of a picture once it is laid, or those of an upright one."""
        return (height, width) if self.transposed else (width, height)

    def lay(self, pixels: Pixels) -> Pixels:
        """Return the pixels as they are shown, contiguous, as dlib requires."""
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        rows = slice(None, None, -1 if self.reversed_rows else 1)
        columns = slice(None, None, -1 if self.reversed_columns else 1)
        return np.ascontiguousarray(pixels[rows, columns])


def squared(width: int, height: int, pixel_aspect: float) -> tuple[int, int]:
    """Return the size with square pixels. `pixel_aspect` is a pixel's width by its height.

    The smaller side grows, so no detail is lost, unless the picture would exceed MAX_PIXELS.
    """
    if not 1 / _WIDEST_PIXEL <= pixel_aspect <= _WIDEST_PIXEL:
        return width, height
    wide, high = float(width), float(height)
    if pixel_aspect > 1:
        wide *= pixel_aspect
    else:
        high /= pixel_aspect
    if wide * high > MAX_PIXELS:
        shrink = (MAX_PIXELS / (wide * high)) ** 0.5
        wide, high = wide * shrink, high * shrink
    return max(1, round(wide)), max(1, round(high))


def _display_matrix(picture: VideoFrame) -> tuple[int, ...] | None:
    """Return the nine numbers of a picture's display matrix, row by row; None without one."""
    try:
        side_data = cast(Mapping[str, Any], picture.side_data)
        matrix = side_data.get("DISPLAYMATRIX")
    # PyAV raises this for any side data that it has no name for, such as those of newer FFmpegs.
    except ValueError:
        return None
    return _MATRIX.unpack(bytes(matrix)[: _MATRIX.size]) if matrix is not None else None
