"""A face as a few grey pixels: enough to follow it from one frame to the next."""

from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_fn.faces.box import Box
from lambda_fn.video.video import Rgb

_SIDE = 32

# The detector's boxes wander by an eighth of their size: the middle is looked for around there.
_SHIFT = 4


class Patch:
    """The pixels of a face, small and grey."""

    def __init__(self, pixels: npt.NDArray[np.float32]) -> None:
        self.pixels = pixels

    @classmethod
    def cut(cls, pixels: Rgb, box: Box) -> Self:
        """The patch of a face in the full-size pixels of its frame."""
        top, right, bottom, left = box.within(pixels.shape[1], pixels.shape[0])
        image = Image.fromarray(pixels[top:bottom, left:right]).convert("L")
        small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
        return cls(np.asarray(small, dtype=np.float32))

    def likeness(self, other: "Patch") -> float:
        """The correlation of both, where it is best: 1 for the same picture, 0 for chance."""
        inside = slice(_SHIFT, _SIDE - _SHIFT)
        middle = _normal(other.pixels[inside, inside])
        windows = np.lib.stride_tricks.sliding_window_view(self.pixels, middle.shape)
        return float((_normal(windows) * middle).sum(axis=(-2, -1)).max())


def _normal(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Pixels whose mean is 0 and whose length is 1, so that light and contrast do not count."""
    level = pixels - pixels.mean(axis=(-2, -1), keepdims=True)
    length = np.sqrt((level * level).sum(axis=(-2, -1), keepdims=True))
    return np.asarray(level / np.maximum(length, 1e-6), dtype=np.float32)
