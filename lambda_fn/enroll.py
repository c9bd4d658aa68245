"""Known faces from photographs and clips: `name.jpg`, or a folder `name` with several."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lambda_fn.faces.engine import Engine
from lambda_fn.gallery.gallery import Embeddings, Gallery, GalleryError
from lambda_fn.runtime.settings import TOLERANCE
from lambda_fn.video.video import Frame, Unreadable, Video

_PHOTOS = {".jpg", ".jpeg", ".png"}
_CLIPS = {".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi"}

# So much of a clip is looked at, a frame a second.
_CLIP_FRAMES = 10


class _Unusable(Exception):
    """A file that shows nobody clearly; its text says why, and the remedy."""


def enroll(photos: Path, *, report: Callable[[str], None], known: Gallery | None = None) -> Gallery:
    """The people in a folder, a row a file, or the one in a file; with those known already.

    `report` is given a line for each file that is left out. Raises GalleryError where no file can
    be used.
    """
    faces = Engine()
    names: list[str] = []
    rows: list[Embeddings] = []
    for name, path in _files(photos):
        try:
            rows.append(_embedding(path, faces))
            names.append(name)
        except _Unusable as error:
            shown = path.name if path == photos else path.relative_to(photos)
            report(f"{shown}: left out: {error}")
    if not names:
        raise GalleryError(f"{photos}: no usable photograph or clip, neither name.jpg nor name/*")
    return (known or Gallery.empty()).plus(Gallery(names, np.array(rows)))


def _files(photos: Path) -> Iterator[tuple[str, Path]]:
    """Each file with the name of the person it is to show; hidden ones are no photographs."""
    if photos.is_file():
        yield photos.stem, photos
        return
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


def _embedding(path: Path, faces: Engine) -> Embeddings:
    """The embedding of the one person whom a file shows."""
    suffix = path.suffix.lower()
    if path.is_file() and not path.stat().st_size:
        raise _Unusable("the file is empty")
    if suffix in _PHOTOS:
        return _of_photo(path, faces)
    if suffix in _CLIPS:
        return _of_clip(path, faces)
    kinds = ", ".join(sorted(_PHOTOS | _CLIPS))
    raise _Unusable(f"not a photograph or a clip ({kinds})")


def _of_photo(path: Path, faces: Engine) -> Embeddings:
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
            "no face found: it should be seen from the front, and be 40 pixels high or more; "
            "80 in a picture of more than 4096x2160"
        )
    if len(boxes) > 1:
        raise _Unusable(f"{len(boxes)} faces found: crop the photograph to one")
    return np.asarray(faces.encode(frame, boxes)[0])


def _of_clip(path: Path, faces: Engine) -> Embeddings:
    """Of all frames that show one face alone, the embedding that is most like the others."""
    rows: list[Embeddings] = []
    most_faces = 0
    try:
        with path.open("rb") as file, Video(file) as video:
            for frame in islice(video.frames(lambda: 1.0), _CLIP_FRAMES):
                boxes = faces.find(frame, thorough=True)
                most_faces = max(most_faces, len(boxes))
                if len(boxes) == 1:
                    rows.append(faces.encode(frame, boxes)[0])
    except Unreadable as error:
        raise _Unusable(f"not a clip that can be read: {error.reason}") from error
    except OSError as error:
        raise _Unusable(f"not a clip that can be read: {error}") from error
    if most_faces > 1:
        raise _Unusable(f"{most_faces} faces found in a frame: cut the clip to one person")
    if not rows:
        raise _Unusable("no face found: it should be seen from the front in the first ten seconds")
    all_rows = np.array(rows)
    distances = np.linalg.norm(all_rows[:, None] - all_rows[None], axis=2)
    if distances.max() > TOLERANCE:
        raise _Unusable("it shows different people one after another: cut the clip to one person")
    return np.asarray(all_rows[distances.sum(axis=0).argmin()])
