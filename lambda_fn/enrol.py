"""Known faces from photographs: `name.jpg`, or a folder `name` with several."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lambda_fn.faces import Faces
from lambda_fn.gallery import Embeddings, Gallery, GalleryError
from lambda_fn.video import Frame

_PHOTOS = {".jpg", ".jpeg", ".png"}


class _Unusable(Exception):
    """A photograph that shows nobody clearly; its text says why, and the remedy."""


def enrol(photos: Path, *, report: Callable[[str], None]) -> Gallery:
    """A gallery of the people in a folder, a row a photograph.

    `report` is given a line for each file that is left out. Raises GalleryError where all are.
    """
    faces = Faces()
    names: list[str] = []
    rows: list[Embeddings] = []
    for name, path in _files(photos):
        try:
            rows.append(_embedding(path, faces))
            names.append(name)
        except _Unusable as error:
            report(f"{path.relative_to(photos)}: left out: {error}")
    if not names:
        raise GalleryError(f"{photos}: no usable photograph, neither name.jpg nor name/*")
    return Gallery(names, np.concatenate(rows))


def _files(photos: Path) -> Iterator[tuple[str, Path]]:
    """Each file with the name of the person it is to show; hidden ones are no photographs."""
    if not photos.is_dir():
        raise GalleryError(f"{photos}: not a folder of photographs")
    for entry in sorted(photos.iterdir()):
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            yield entry.stem, entry
            continue
        for path in sorted(entry.iterdir()):
            if not path.name.startswith("."):
                yield entry.name, path


def _embedding(path: Path, faces: Faces) -> Embeddings:
    """The one row of the one face in a photograph."""
    if path.suffix.lower() not in _PHOTOS:
        raise _Unusable(f"not a photograph ({', '.join(sorted(_PHOTOS))})")
    try:
        with Image.open(path) as image:
            pixels = np.array(ImageOps.exif_transpose(image).convert("RGB"))
    # Pillow's UnidentifiedImageError is an OSError; broken pictures raise any of these.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _Unusable(f"not a picture that can be read: {error}") from error
    frame = Frame.from_rgb(pixels)
    boxes = faces.find(frame, thorough=True)
    if not boxes:
        raise _Unusable(
            "no face found: it should be seen from the front, and be 40 pixels high or more"
        )
    if len(boxes) > 1:
        raise _Unusable(f"{len(boxes)} faces found: crop the photograph to one")
    return faces.encode(frame, boxes)
