"""Patches: faces as a few grey pixels, by which they are followed from frame to frame."""

from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_fn.faces.box import Box
from lambda_fn.video.video import Rgb

_SIDE = 32

# Boxes wander by an eighth of their size; the middle of the patch is compared within that range.
_SHIFT = 4


class Patch:
    """A face's pixels, small and grey."""

    def __init__(self, pixels: npt.NDArray[np.float32]) -> None:
        self.pixels = pixels

    @classmethod
    def cut(cls, pixels: Rgb, box: Box) -> Self:
        """Cut the patch of a face out of the full-size pixels of its frame."""
        top, right, bottom, left = box.within(pixels.shape[1], pixels.shape[0])
        image = Image.fromarray(pixels[top:bottom, left:right]).convert("L")
        small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
        return cls(np.asarray(small, dtype=np.float32))

    def likeness(self, other: "Patch") -> float:
        """Return the best correlation of both: 1 for the same picture, 0 for chance."""
        inside = slice(_SHIFT, _SIDE - _SHIFT)
        middle = _normal(other.pixels[inside, inside])
        windows = np.lib.stride_tricks.sliding_window_view(self.pixels, middle.shape)
        return float((_normal(windows) * middle).sum(axis=(-2, -1)).max())


def _normal(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return pixels of mean 0 and length 1, independent of light and contrast."""
    level = pixels - pixels.mean(axis=(-2, -1), keepdims=True)
    length = np.sqrt((level * level).sum(axis=(-2, -1), keepdims=True))
    return np.asarray(level / np.maximum(length, 1e-6), dtype=np.float32)
