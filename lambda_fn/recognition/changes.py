"""Whether a frame differs noticeably from an earlier one: a still picture shows nobody new."""

import numpy as np
import numpy.typing as npt

from lambda_fn.video.video import Frame

# Frames are compared at this width, in cells of this many pixels.
_WIDTH = 320
_CELL = 16

# An encoder changes a still picture by less than this, of 255. In the dark, where a face has little
# contrast, its changes are smaller too: a share of the brightness, from the second figure on.
_NOTICEABLE = 12
_NOTICEABLE_IN_THE_DARK = 3
_DARK = 0.1

# Changed pixels that make a cell count: a face of 40 pixels in a frame 1920 wide covers forty.
_PIXELS = 4


class Changes:
    """The last picture that was looked at."""

    def __init__(self) -> None:
        # The first frame is made small when a second one follows: most answers need only one.
        self._first: Frame | None = None
        self._seen: npt.NDArray[np.float32] | None = None

    def differs(self, frame: Frame) -> bool:
        """Whether a frame differs from the last different one, which it then replaces.

        Small changes are not taken over, so that they add up.
        """
        if self._seen is None:
            if self._first is None:
                self._first = frame
                return True
            self._seen = _small(self._first)
            self._first = None
        small = _small(frame)
        if small.shape == self._seen.shape and not _differ(small, self._seen):
            return False
        self._seen = small
        return True


def _small(frame: Frame) -> npt.NDArray[np.float32]:
    return frame.grey(_WIDTH).astype(np.float32)


def _differ(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> bool:
    """Whether enough pixels of any cell differ noticeably."""
    height, width = one.shape
    rows, columns = -(-height // _CELL), -(-width // _CELL)
    pixels = np.zeros((rows * _CELL, columns * _CELL), np.bool_)
    noticeable = np.clip(_DARK * other, _NOTICEABLE_IN_THE_DARK, _NOTICEABLE)
    pixels[:height, :width] = np.abs(one - other) > noticeable
    counts = pixels.reshape(rows, _CELL, columns, _CELL).sum(axis=(1, 3))
    return bool((counts >= _PIXELS).any())
