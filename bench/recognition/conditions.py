"""Photographs made worse: small, dark, blurred, covered."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lambda_fn.faces.detector import Face, detector
from lambda_fn.video.video import Rgb

Alter = Callable[[Image.Image, Face], Image.Image]


_FRAME, _GREY = (1280, 720), (110, 110, 110)


def _shrunk(height: int) -> Alter:
    """Make a frame with the photograph in its middle, the face `height` pixels high."""

    def alter(picture: Image.Image, face: Face) -> Image.Image:
        scale = height / face.box.height
        wide, high = round(picture.width * scale), round(picture.height * scale)
        frame = Image.new("RGB", _FRAME, _GREY)
        small = picture.resize((wide, high), Image.Resampling.LANCZOS)
        frame.paste(small, ((frame.width - wide) // 2, (frame.height - high) // 2))
        return frame

    return alter


def _lit(share: float) -> Alter:
    def alter(picture: Image.Image, _: Face) -> Image.Image:
        return picture.point(lambda level: int(level * share))

    return alter


def _blurred(picture: Image.Image, _: Face) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(2))


def _masked(picture: Image.Image, face: Face) -> Image.Image:
    """Cover the face from the nose to below the mouth."""
    nose, left, right = face.points[2], face.points[3], face.points[4]
    width = float(right[0] - left[0])
    top, bottom = float(nose[1]), float(max(left[1], right[1]) + 0.9 * width)
    corners = [
        (float(left[0]) - 0.6 * width, top),
        (float(right[0]) + 0.6 * width, top),
        (float(right[0]) + 0.5 * width, bottom),
        (float(left[0]) - 0.5 * width, bottom),
    ]
    covered = picture.copy()
    ImageDraw.Draw(covered).polygon(corners, fill=(225, 230, 235))
    return covered


CONDITIONS: dict[str, Alter] = {
    "as it is": lambda picture, _: picture,
    "a quarter of the light": _lit(1 / 4),
    "a tenth of the light": _lit(1 / 10),
    "blurred by two pixels": _blurred,
    "a face of 60 pixels in 1280x720": _shrunk(60),
    "a face of 40 pixels in 1280x720": _shrunk(40),
    "a face of 24 pixels in 1280x720": _shrunk(24),
    "lower half covered, as by a mask": _masked,
}
"""Each condition by its name."""


def subject(pixels: Rgb) -> Face | None:
    """Return the face in the middle of a good photograph, to alter it by."""
    middle = np.array([pixels.shape[1], pixels.shape[0]]) / 2
    found = detector().find(pixels)
    nearest = min(found, key=lambda face: np.abs(face.points.mean(0) - middle).sum(), default=None)
    if nearest is None or np.abs(nearest.points.mean(0) - middle).max() > pixels.shape[1] / 5:
        return None
    return nearest


def altered(pixels: Rgb, face: Face, alter: Alter) -> Rgb:
    """Return a photograph under a condition."""
    return np.asarray(alter(Image.fromarray(pixels), face), np.uint8)
