"""Faces in a frame: where they are, and what tells them apart."""

import numpy as np

from lambda_fn.box import Box
from lambda_fn.detector import detector
from lambda_fn.encoder import encoder
from lambda_fn.gallery import EMBEDDING_SIZE, Embeddings
from lambda_fn.video import Frame

# The detector's time grows with the pixels, and most faces in videos are large: at 480 wide a
# look costs a sixtieth of one at 1920x1080 upsampled.
_QUICK_WIDTHS = (480, 640)

# Where the usual way starts: full size, upsampled once, which finds faces from 40 pixels on. The
# upsampled picture of a larger frame would take gigabytes.
_UPSAMPLED_PIXELS = 1920 * 1088


class Faces:
    """The detector and the encoder; `runtime` is what runs the encoder."""

    def __init__(self) -> None:
        self._detector = detector()
        self._encoder = encoder()
        self.runtime = self._encoder.runtime

    def find(self, frame: Frame, *, thorough: bool = False, region: Box | None = None) -> list[Box]:
        """The faces of a frame: large ones at a glance, all of them if `thorough`.

        Where a `region` is given, a thorough look is at that part of the frame alone.
        """
        if thorough:
            return self._all_locations(frame, region or Box(0, frame.width, frame.height, 0))
        for width in _QUICK_WIDTHS:
            if width < frame.width and (boxes := self._locations(frame, width)):
                return boxes
        return []

    def encode(self, frame: Frame, boxes: list[Box]) -> Embeddings:
        """The embedding of each face, taken from the full-size frame: `(len(boxes), 128)`."""
        if not boxes:
            return np.empty((0, EMBEDDING_SIZE))
        return self._encoder.encode(frame.rgb(), boxes)

    def _locations(self, frame: Frame, width: int) -> list[Box]:
        scale = frame.width / width
        found = self._detector.find(frame.rgb(width))
        return [Box(*(round(edge * scale) for edge in edges)) for edges in found]

    def _all_locations(self, frame: Frame, region: Box) -> list[Box]:
        pixels = frame.rgb()[region.top : region.bottom, region.left : region.right]
        found = self._detector.find(
            np.ascontiguousarray(pixels),
            upsample=int(region.area <= _UPSAMPLED_PIXELS),
        )
        return [
            Box(
                top + region.top,
                right + region.left,
                bottom + region.top,
                left + region.left,
            )
            for top, right, bottom, left in found
        ]
