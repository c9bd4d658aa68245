"""Photographs for the gallery: decoded by Pillow, small enough to search, upright, in RGB."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from hybridsphere.recognition.fields import one_line
from lambda_fn.video.video import Rgb

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic", ".heif"}
"""Names of photographs end in one of these, in any case; the content decides about the format."""

# Pillow's other formats are rare, and one of them starts another program.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")

# HEIC and AVIF share a container; the brands of its first box tell them apart.
_CONTAINER = b"ftyp"
_AVIF_BRANDS = (b"avif", b"avis")

# JPEG, alone or in Multi-Picture Object, is decoded small if need be; other formats only in full.
_REDUCIBLE = {"JPEG", "MPO"}
_MAX_JPEG_MEGAPIXELS = 500
_MAX_MEGAPIXELS = 100

# Larger photographs are reduced: a face of 20 pixels has no use for the rest.
_ENOUGH_PIXELS = 4096 * 4096

# The tag of EXIF that says how the camera was held, and how its values are undone.
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Unusable(Exception):
    """A file that shows nobody clearly; the text says why, and names the remedy."""


def read_picture(path: Path) -> Rgb:
    """Return a photograph's upright pixels, at most 4096 x 4096 of them.

    Raises Unusable for a file that cannot be decoded, or is too large to be.
    """
    try:
        with _any_size(), _opened(path) as image:
            _check_size(image)
            return np.array(_upright(_reduced(image), _orientation(image)))
    except Unusable:
        raise
    except MemoryError as error:
        raise Unusable("too large for this machine's memory: save it smaller") from error
    # A damaged or hostile photograph can provoke any error in Pillow and its codecs.
    except Exception as error:
        raise Unusable(f"not a picture that can be read: {one_line(error)}") from error


@contextmanager
def _any_size() -> Iterator[None]:
    """Lift Pillow's own bound, which is the same for all formats, and silence its warnings."""
    bound, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = bound


def _opened(path: Path) -> Image.Image:
    """Open a photograph, whose pixels are not decoded yet."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[4:8] == _CONTAINER and not any(brand in head for brand in _AVIF_BRANDS):
        return _opened_heic(path)
    return Image.open(path, formats=_FORMATS)


def _opened_heic(path: Path) -> Image.Image:
    try:
        from pi_heif import HeifImageFile  # noqa: PLC0415 - belongs to an extra
    except ImportError as error:
        raise Unusable(
            "HEIC needs `pip install 'hybridsphere[photos]'`; or save the photograph as JPEG"
        ) from error
    opened: Image.Image = HeifImageFile(path)
    return opened


def _check_size(image: Image.Image) -> None:
    bound = _MAX_JPEG_MEGAPIXELS if image.format in _REDUCIBLE else _MAX_MEGAPIXELS
    megapixels = image.width * image.height / 1e6
    if megapixels > bound:
        raise Unusable(
            f"too large: {megapixels:.0f} megapixels, and at most {bound} are read: save it smaller"
        )


def _reduced(image: Image.Image) -> Image.Image:
    """Return a picture in RGB, reduced to enough pixels."""
    if (factor := _factor(image)) > 1:
        # A JPEG's decoder leaves out pixels; the decoders of other formats decode all.
        image.draft("RGB", (image.width // factor, image.height // factor))
    picture = _rgb(image)
    return picture.reduce(_factor(picture))


def _factor(image: Image.Image) -> int:
    return math.ceil(math.sqrt(image.width * image.height / _ENOUGH_PIXELS))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    return image.convert("RGB")


def _eight_bits(grey: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """Scale grey levels of 16 or 32 bits, of which a camera may use only the lower ones."""
    bits = int(grey.max(initial=0)).bit_length()
    return (grey.clip(0) >> max(0, bits - 8)).astype(np.uint8)


def _orientation(image: Image.Image) -> object:
    """Return how the camera was held, or None if the tags are damaged: the pixels are not."""
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - tags can provoke any error in Pillow
        return None


def _upright(picture: Image.Image, orientation: object) -> Image.Image:
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return picture if turn is None else picture.transpose(turn)
