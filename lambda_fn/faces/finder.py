"""Where the faces of a frame are: sought where that is cheap, and made sure of where one may be.

The detector says of each place by how much it is a face or not; what it calls a face in colour is
one. In a small grey picture it takes a fraction of the time, and finds most faces, some with less
certainty. So whatever only comes near to being a face there is looked at again: alone, larger and
in colour. A search is the usual way's: in full size, in colour, upsampled once.
"""

import time
from collections.abc import Callable

import numpy as np

from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Detector
from lambda_fn.video.video import MAX_PIXELS, Frame

# The detector's time grows with the pixels, and most faces in videos are large. Engine are found
# from an eighth of the width on at 480, and from a sixteenth at 960.
_WIDTHS = (480, 960)

# How far below the detector's threshold, 0, a place in a small grey picture may still be a face.
_DOUBTFUL = -0.4

# How large a doubtful face is looked at. The detector's window is 80 pixels wide.
_CLEAR = 120

# Where the usual way starts: full size, upsampled once, which finds faces from 40 pixels on. No
# picture is searched that is larger than the largest frame is by itself, so up to 4K: the time and
# the memory of one pass grow with the pixels.
_UPSAMPLED_PIXELS = MAX_PIXELS // 4

# A pixel in colour takes up to twice as long as one in grey.
_COLOUR = 2


class Finder:
    """Searches frames for faces with a detector.

    `tick` is called before each pass of the detector, so that it can end a search by raising. It is
    given the seconds that a long one is likely to take, going by the last short one.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._pixel_s = 0.0

    def glance(
        self,
        frame: Frame,
        *,
        briefly: bool = False,
        tick: Callable[[float], None] = lambda _: None,
    ) -> list[Box]:
        """The faces of a frame that are large; where there is none, and unless `briefly`, those
        half as large.
        """
        widths = _WIDTHS[:1] if briefly else _WIDTHS
        for width in dict.fromkeys(min(width, frame.width) for width in widths):
            if found := self._small(frame, width, tick):
                return found
        return []

    def survey(self, frame: Frame, tick: Callable[[float], None] = lambda _: None) -> list[Box]:
        """All faces of a frame from a sixteenth of its width on."""
        return self._small(frame, min(_WIDTHS[-1], frame.width), tick)

    def search(
        self, frame: Frame, region: Box, tick: Callable[[float], None] = lambda _: None
    ) -> list[Box]:
        """All faces in a part of a frame."""
        upsample = int(region.area <= _UPSAMPLED_PIXELS)
        tick(_COLOUR * self._pixel_s * region.area * 4**upsample)
        pixels = frame.rgb()[region.top : region.bottom, region.left : region.right]
        found = self._detector.find(np.ascontiguousarray(pixels), upsample=upsample)
        return [box.moved(region.top, region.left) for box in found]

    def look_at(self, frame: Frame, place: Box, *, margin: float) -> list[Box]:
        """The face in a place, in colour and large enough; `margin` in sizes of the place."""
        scale = max(1.0, place.width / _CLEAR)
        pixels = frame.rgb(round(frame.width / scale) if scale > 1 else None)
        margins = round(margin * place.height), round(margin * place.width)
        around = place.grown(*margins).within(frame.width, frame.height)
        top, right, bottom, left = around.scaled(1 / scale)
        found = self._detector.find(
            np.ascontiguousarray(pixels[top:bottom, left:right]), upsample=int(scale == 1)
        )
        boxes = [box.moved(top, left).scaled(scale) for box in found]
        return [box for box in boxes if box.near(place)][:1]

    def _small(self, frame: Frame, width: int, tick: Callable[[float], None]) -> list[Box]:
        """The faces that show in a small picture of a frame."""
        tick(0.0)
        scale = frame.width / width
        pixels = frame.grey(width)
        began_s = time.monotonic()
        rated = self._detector.rated(pixels, threshold=_DOUBTFUL)
        self._pixel_s = (time.monotonic() - began_s) / pixels.size
        places = [(box.scaled(scale), rating) for box, rating in rated]
        faces = [place for place, rating in places if rating > 0]
        for place, rating in places:
            if rating <= 0 and not any(map(place.overlaps, faces)):
                tick(0.0)
                for face in self.look_at(frame, place, margin=0.5):
                    if not any(map(face.overlaps, faces)):
                        faces.append(face)
        return faces
