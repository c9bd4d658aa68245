"""The share of faces that are found, by their size and turn, in frames of 1280x720.

Twelve photographs lie on a frame at random places, cut to the head, so that their edges and the
detector's grid meet by chance.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench.recognition.ways import Way
from hybridsphere.demo.people import photograph
from lambda_fn.faces.detector import Face
from lambda_fn.video.video import Rgb

WIDTH, HEIGHT = 1280, 720
SIZES = (16, 20, 24, 30, 40, 60)
"""Heights of the faces, in pixels."""

TILTS = (30, 90)
"""Degrees by which heads are tilted."""

TURNED_SIZE = 60
"""Height of the faces that are tilted or turned, in pixels."""

_COLUMNS, _ROWS = 4, 3
_SEED = 3

# The part of a photograph around the head, in heights of the face.
_MARGIN = 0.9

# Distance of the nose from the middle of the eyes, in distances of the eyes: 35 degrees or so.
_STRONGLY_TURNED = 0.35


class Head(NamedTuple):
    """A photograph and the face of its subject."""

    pixels: Rgb
    face: Face

    @property
    def strongly_turned(self) -> bool:
        left, right, nose = self.face.points[:3]
        across = right - left
        return bool(
            abs((nose - (left + right) / 2) @ across) > _STRONGLY_TURNED * float(across @ across)
        )


class Scene(NamedTuple):
    """A frame, and the middles of the faces in it, x and y."""

    pixels: Rgb
    middles: list[tuple[float, float]]


def scenes(heads: Sequence[Head], size: int, tilt: int = 0) -> Iterator[Scene]:
    """Yield frames that show all heads, each face `size` pixels high."""
    places = np.random.default_rng(_SEED)
    photo = Image.fromarray(photograph("coffee"))
    for start in range(0, len(heads), _COLUMNS * _ROWS):
        frame, middles = photo.resize((WIDTH, HEIGHT)), []
        for number, head in enumerate(heads[start : start + _COLUMNS * _ROWS]):
            cut = _cut(head, size, tilt)
            wide, high = WIDTH // _COLUMNS - cut.width, HEIGHT // _ROWS - cut.height
            left = number % _COLUMNS * (WIDTH // _COLUMNS) + int(places.integers(max(1, wide)))
            top = number // _COLUMNS * (HEIGHT // _ROWS) + int(places.integers(max(1, high)))
            frame.paste(cut, (left, top))
            middles.append((left + cut.width / 2, top + cut.height / 2))
        yield Scene(np.asarray(frame, np.uint8), middles)


def share_found(
    way: Way,
    heads: Sequence[Head],
    size: int,
    tilt: int = 0,
    check: Callable[[], None] = lambda: None,
) -> float:
    """Return the share of the heads that a way finds, from 0 to 1; `check` may raise."""
    found = 0
    for scene in scenes(heads, size, tilt):
        check()
        boxes = way.found(scene.pixels)
        found += sum(
            any(
                abs(box.left + box.right - 2 * x) < size
                and abs(box.top + box.bottom - 2 * y) < size
                for box in boxes
            )
            for x, y in scene.middles
        )
    return found / len(heads)


def _cut(head: Head, size: int, tilt: int) -> Image.Image:
    """Return the head alone, upright or tilted, the face `size` pixels high."""
    box = head.face.box
    reach = round(_MARGIN * box.height)
    across, down = (box.left + box.right) // 2, (box.top + box.bottom) // 2
    picture = Image.fromarray(head.pixels)
    if tilt:
        picture = picture.rotate(tilt, Image.Resampling.BICUBIC, center=(across, down))
    head_only = picture.crop((across - reach, down - reach, across + reach, down + reach))
    side = round(2 * reach * size / box.height)
    return head_only.resize((side, side), Image.Resampling.LANCZOS)
