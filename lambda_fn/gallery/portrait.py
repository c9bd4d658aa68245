"""Portraits: the faces that a photograph or a clip of one person shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from hybridsphere.recognition.fields import one_line
from hybridsphere.recognition.space import TOLERANCE, Embeddings
from lambda_fn.faces.detector import Face
from lambda_fn.faces.engine import Engine
from lambda_fn.gallery.picture import SUFFIXES, Unusable, read_picture
from lambda_fn.gallery.quality import concerns_about
from lambda_fn.video.video import Frame, Unreadable, Video

_CLIPS = {".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi"}

KINDS = ", ".join(sorted(SUFFIXES | _CLIPS))
"""The ends of names of photographs and clips."""

# Pixels of height below which no face is found.
_SMALLEST_FACE = 20
_NO_FACE = f"no face found: it should be {_SMALLEST_FACE} pixels high or more"

# The frames of a clip that are examined, one per second.
_CLIP_FRAMES = 10

# A face is the subject of a photograph if every other face has at most this share of its area.
_BACKGROUND = 1 / 4


class UnknownKind(Unusable):
    """A file whose name is not that of a photograph or clip."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A face for the gallery; `concerns` say what may make it hard to recognise."""

    embedding: Embeddings
    concerns: tuple[str, ...] = ()


def portraits(path: Path, engine: Engine) -> list[Portrait]:
    """Return the face of a file's subject, or all faces if several may be the subject.

    Raises Unusable for a file that shows no face, or cannot be read.
    """
    suffix = path.suffix.lower()
    # Opening a pipe would wait forever.
    if not path.is_file():
        raise Unusable("not a file")
    if not path.stat().st_size:
        raise Unusable("the file is empty")
    try:
        if suffix in SUFFIXES:
            return list(_of_photo(path, engine))
        if suffix in _CLIPS:
            return [Portrait(_of_clip(path, engine))]
    except Unusable:
        raise
    # A strip of one pixel, for example, cannot be scaled: it may not end everybody's enrollment.
    except Exception as error:
        raise Unusable(f"it cannot be searched for faces: {one_line(error)}") from error
    raise UnknownKind("not a photograph or a clip")


def _of_photo(path: Path, engine: Engine) -> Iterator[Portrait]:
    pixels = read_picture(path)
    if min(pixels.shape[:2]) < _SMALLEST_FACE:
        raise Unusable(_NO_FACE)
    frame = Frame.from_rgb(pixels)
    faces = _subjects(frame, _found(frame, engine))
    if not faces:
        raise Unusable(_NO_FACE)
    rows = engine.encode_carefully(frame, faces)
    for face, row in zip(faces, rows, strict=True):
        yield Portrait(np.asarray(row), tuple(concerns_about(face, pixels)))


def _found(frame: Frame, engine: Engine) -> list[Face]:
    """Return the faces of a photograph, small ones only if there are no large ones."""
    return engine.glance(frame) or engine.look(frame) or engine.search(frame)


def _subjects(frame: Frame, faces: list[Face]) -> list[Face]:
    """Return the face that is the subject of a photograph, or all faces if that is unclear."""
    if len(faces) < 2:
        return faces
    largest, second, *_ = sorted(faces, key=lambda face: face.box.area, reverse=True)
    if second.box.area <= _BACKGROUND * largest.box.area:
        return [largest]
    # The largest face, if it covers the middle, is the subject.
    box = largest.box
    if box.left <= frame.width / 2 <= box.right and box.top <= frame.height / 2 <= box.bottom:
        return [largest]
    return faces


def _of_clip(path: Path, engine: Engine) -> Embeddings:
    """Return the embedding that is most like the others, among the frames with one subject."""
    rows: list[Embeddings] = []
    most_faces = 0
    try:
        with path.open("rb") as file, Video(file) as video:
            for frame in islice(video.frames(lambda: 1.0), _CLIP_FRAMES):
                faces = _subjects(frame, _found(frame, engine))
                most_faces = max(most_faces, len(faces))
                if len(faces) == 1:
                    rows.append(engine.encode_carefully(frame, faces)[0])
    except Unreadable as error:
        raise Unusable(f"not a clip that can be read: {error.reason}") from error
    # A damaged or hostile clip can provoke any error in PyAV and its codecs.
    except Exception as error:
        raise Unusable(f"not a clip that can be read: {one_line(error)}") from error
    if most_faces > 1:
        raise Unusable(f"{most_faces} faces found in a frame: cut the clip to one person")
    if not rows:
        raise Unusable("no face found in the first ten seconds")
    all_rows = np.array(rows)
    distances = np.linalg.norm(all_rows[:, None] - all_rows[None], axis=2)
    if distances.max() > TOLERANCE:
        raise Unusable("it shows different people one after another: cut the clip to one person")
    return np.asarray(all_rows[distances.sum(axis=0).argmin()])
