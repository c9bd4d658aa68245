"""Faces in a frame: where they are, and what tells them apart."""

from typing import NamedTuple

import numpy as np

from lambda_fn import models
from lambda_fn.gallery import EMBEDDING_SIZE, Embeddings
from lambda_fn.video import Frame

models.take_the_place_of_their_package()
import face_recognition  # noqa: E402 - after its models

# The detector's time grows with the pixels, and most faces in videos are large: at 480 wide a
# look costs a sixtieth of one at 1920x1080 upsampled.
_QUICK_WIDTHS = (480, 640)

# Where the usual way starts: full size, upsampled once, which finds faces from 40 pixels on. The
# upsampled picture of a larger frame would take gigabytes.
_UPSAMPLED_PIXELS = 1920 * 1088


class Box(NamedTuple):
    """Where a face is, in pixels of the full-size frame."""

    top: int
    right: int
    bottom: int
    left: int

    def overlaps(self, other: "Box") -> bool:
        """Whether both are about the same face: they share at least a third of their union."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(0, width) * max(0, height)
        return 3 * shared >= self.area + other.area - shared

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)


class Faces:
    """The detector and the encoder; their models are loaded with this module, once a runtime."""

    def find(self, frame: Frame, *, thorough: bool = False) -> list[Box]:
        """The faces of a frame: large ones at a glance, all of them if `thorough`."""
        if thorough:
            upsample = int(frame.width * frame.height <= _UPSAMPLED_PIXELS)
            return _locations(frame, None, upsample)
        for width in _QUICK_WIDTHS:
            if width < frame.width and (boxes := _locations(frame, width, 0)):
                return boxes
        return []

    def encode(self, frame: Frame, boxes: list[Box]) -> Embeddings:
        """The embedding of each face, taken from the full-size frame: `(len(boxes), 128)`."""
        if not boxes:
            return np.empty((0, EMBEDDING_SIZE))
        return np.array(face_recognition.face_encodings(frame.rgb(), boxes), dtype=np.float64)


def _locations(frame: Frame, width: int | None, upsample: int) -> list[Box]:
    pixels = frame.rgb(width)
    scale = frame.width / pixels.shape[1]
    found = face_recognition.face_locations(pixels, number_of_times_to_upsample=upsample)
    return [Box(*(round(edge * scale) for edge in edges)) for edges in found]
