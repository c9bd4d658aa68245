"""The faces of a frame, found at three levels of detail.

The detector sees faces of about 30 pixels and more in its input, and its time grows with the
pixels. A glance at 640 pixels takes 3 ms and finds faces from a twentieth of the frame's longer
side on. A look at 1280 takes 15 to 20 ms. A search takes the picture in tiles, enlarged to 1.75
times its size, so that faces of 20 pixels are found in a frame of 1280.
"""

from collections.abc import Callable, Iterator

import numpy as np

from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Detector, Face
from lambda_fn.video.video import Frame

GLANCE = 640
"""Longer side of the picture for a glance, in pixels."""

LOOK = 1280
"""Longer side of the picture for a look, in pixels."""

# A search enlarges the picture by this factor, up to a longer side in pixels. Faces of 35 pixels
# are hardly ever missed. A larger frame keeps its size up to 4K.
_ENLARGED = 1.75
_ENLARGED_TO = 2560
_SEARCHED = 4096

# Longest side of a tile of a search, in pixels. A run on a tile takes 50 MB at most.
_TILE = 1216

# Size at which a face is looked at again, in pixels.
_CLEAR = 100

# Pixels of a look that tiles share: a smaller face on an edge is whole in one of them, and a look
# hardly misses larger ones. The detector adds a margin up to this unit; a tile takes all of it.
_OVERLAP = 48
_UNIT = 32


class Finder:
    """A search of frames for faces; `tick` runs before each run of the detector and may raise."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def glance(self, frame: Frame, tick: Callable[[], None] = lambda: None) -> list[Face]:
        """Return the large faces of a frame."""
        return self._at(frame, min(GLANCE, _longer(frame)), tick)

    def look(self, frame: Frame, tick: Callable[[], None] = lambda: None) -> list[Face]:
        """Return the faces of a frame of about 30 pixels, at 1280 pixels, and more."""
        return self._at(frame, LOOK, tick)

    def search(
        self,
        frame: Frame,
        tick: Callable[[], None] = lambda: None,
        *,
        seen: list[Face] | None = None,
    ) -> list[Face]:
        """Return the faces of a frame, small ones too.

        `seen` are the faces that a look has found, if there was one: it is not repeated.
        """
        longer = _longer(frame)
        side = min(max(longer, min(round(_ENLARGED * longer), _ENLARGED_TO)), _SEARCHED)
        found = self.look(frame, tick) if seen is None else list(seen)
        if side <= LOOK:
            return found
        scale = side / longer
        pixels = frame.rgb(round(frame.width * scale), quick=True)
        for tile in _tiles(pixels.shape[1], pixels.shape[0]):
            tick()
            part = np.ascontiguousarray(pixels[tile.top : tile.bottom, tile.left : tile.right])
            for face in self._detector.find(part):
                whole = face.moved(tile.top, tile.left).scaled(1 / scale)
                if not any(whole.box.overlaps(other.box) for other in found):
                    found.append(whole)
        return found

    def find_again(
        self, frame: Frame, face: Face, tick: Callable[[], None] = lambda: None
    ) -> list[Face]:
        """Return the face that was in a place a moment ago, if it is there or beside it."""
        tick()
        return [found for found in self._around(frame, face) if found.box.near(face.box)][:1]

    def refined(self, frame: Frame, faces: list[Face]) -> list[Face]:
        """Return faces whose points are averaged with those found in the mirror image.

        It costs a second look at a part of the frame per face, and is meant for enrollment.
        """
        return [self._refined(frame, face) for face in faces]

    def _refined(self, frame: Frame, face: Face) -> Face:
        for other in self._around(frame, face, mirrored=True):
            if other.box.overlaps(face.box):
                return face._replace(points=(face.points + other.points) / 2)
        return face

    def _around(self, frame: Frame, face: Face, *, mirrored: bool = False) -> list[Face]:
        """Return the faces in and around the place of a face, or in the mirror image of it."""
        box = face.box.grown(face.box.height, face.box.width).within(frame.width, frame.height)
        pixels = frame.rgb()[box.top : box.bottom, box.left : box.right]
        width = round(box.width * _CLEAR / max(face.box.width, face.box.height, 1))
        small = Frame.from_rgb(np.ascontiguousarray(pixels)).rgb(width)
        found = self._detector.find(np.ascontiguousarray(small[:, ::-1]) if mirrored else small)
        if mirrored:
            found = [other.mirrored(width) for other in found]
        return [other.scaled(box.width / width).moved(box.top, box.left) for other in found]

    def _at(self, frame: Frame, side: int, tick: Callable[[], None]) -> list[Face]:
        tick()
        width = max(1, round(frame.width * side / _longer(frame)))
        scale = frame.width / width
        return [face.scaled(scale) for face in self._detector.find(frame.rgb(width))]


def _longer(frame: Frame) -> int:
    return max(frame.width, frame.height)


def _tiles(width: int, height: int) -> Iterator[Box]:
    """Yield overlapping parts of a picture, none larger than `_TILE` in either direction."""
    overlap = round(_OVERLAP * max(width, height) / LOOK)
    for top, bottom in _spans(height, overlap):
        for left, right in _spans(width, overlap):
            yield Box(top, right, bottom, left)


def _spans(length: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Yield the ends of equal parts of a length that share `overlap` pixels or more."""
    count = max(1, -(-(length - overlap) // (_TILE - overlap)))
    least = -(-(length + (count - 1) * overlap) // count)
    size = min(length, -(-least // _UNIT) * _UNIT)
    for number in range(count):
        start = (length - size) * number // max(1, count - 1)
        yield start, start + size
