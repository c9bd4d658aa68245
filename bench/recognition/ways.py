"""The ways that are compared: plain face_recognition, and the function's engines."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import face_recognition
import numpy as np

from bench.ways.our_videos import DEFAULTS
from bench.ways.usual_videos import nearest
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from hybridsphere.recognition.space import DLIB, Embeddings, Space
from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Face
from lambda_fn.faces.engine import Engine, engine
from lambda_fn.video.video import Frame, Rgb

PLAIN = "plain"


class Look(NamedTuple):
    """The embedding of a face, and that of its mirror image if the way uses one."""

    direct: Embeddings
    mirrored: Embeddings | None = None


class Photo(NamedTuple):
    """The subject of a photograph: its row for a gallery, and a look at it as if in a video."""

    row: Embeddings
    look: Look


class Way(Protocol):
    """A way to find, enroll and recognise the subject of a photograph, in the middle of it."""

    name: str
    space: Space

    def found(self, pixels: Rgb) -> list[Box]:
        """Return the boxes of all faces in a picture, by the closest search."""

    def seen(self, pixels: Rgb) -> list[Box]:
        """Return the boxes of the faces in a picture, as each frame of a video is searched."""

    def encoded(self, pixels: Rgb, face: Face) -> Embeddings:
        """Return the embedding of a face that was found."""

    def taken(self, pixels: Rgb) -> Photo | None:
        """Return the subject of a photograph; None if it is not found."""

    def asked(self, pixels: Rgb) -> Look | None:
        """Return a look at the subject; None if it is not found."""

    def answer(self, gallery: Gallery, look: Look | None) -> str | None:
        """Return the name that the way gives to a look."""


class Plain:
    """The usual way: full-size detection, one encoding, the nearest known face."""

    name = PLAIN
    space = DLIB

    def found(self, pixels: Rgb) -> list[Box]:
        return [Box(*place) for place in face_recognition.face_locations(pixels)]

    seen = found

    def encoded(self, pixels: Rgb, face: Face) -> Embeddings:
        [row] = face_recognition.face_encodings(pixels, [tuple(face.box)])
        return np.asarray(row)

    def taken(self, pixels: Rgb) -> Photo | None:
        box = _subject(self.found(pixels), pixels)
        if box is None:
            return None
        [row] = face_recognition.face_encodings(pixels, [tuple(box)])
        return Photo(np.asarray(row), Look(np.asarray(row)))

    def asked(self, pixels: Rgb) -> Look | None:
        photo = self.taken(pixels)
        return photo.look if photo else None

    def answer(self, gallery: Gallery, look: Look | None) -> str | None:
        return nearest(look.direct, gallery, DEFAULTS.tolerance) if look else None


class Ours:
    """An engine, with the function's steps and rule."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.engine: Engine = engine(name)
        self.space = self.engine.space

    def found(self, pixels: Rgb) -> list[Box]:
        return [face.box for face in self.engine.search(Frame.from_rgb(pixels))]

    def seen(self, pixels: Rgb) -> list[Box]:
        return [face.box for face in self.engine.look(Frame.from_rgb(pixels))]

    def encoded(self, pixels: Rgb, face: Face) -> Embeddings:
        return np.asarray(self.engine.encode(Frame.from_rgb(pixels), [face])[0])

    def taken(self, pixels: Rgb) -> Photo | None:
        frame, face = self._face(pixels)
        if face is None:
            return None
        [row] = self.engine.encode_carefully(frame, [face])
        return Photo(row, self._look(frame, face))

    def asked(self, pixels: Rgb) -> Look | None:
        frame, face = self._face(pixels)
        return self._look(frame, face) if face else None

    def _look(self, frame: Frame, face: Face) -> Look:
        [direct] = self.engine.encode(frame, [face])
        [mirrored] = self.engine.encode_mirrored(frame, [face])
        return Look(direct, mirrored)

    def answer(self, gallery: Gallery, look: Look | None) -> str | None:
        if look is None:
            return None
        identity = Identity(gallery, DEFAULTS.tolerance)
        identity.add(look.direct, 0.0)
        if identity.needs_looks() and look.mirrored is not None:
            identity.add(look.mirrored, 0.0)
        person = identity.person()
        return person.name if person else None

    def _face(self, pixels: Rgb) -> tuple[Frame, Face | None]:
        frame = Frame.from_rgb(pixels)
        for find in (self.engine.glance, self.engine.look, self.engine.search):
            faces = find(frame)
            box = _subject([face.box for face in faces], pixels)
            if box:
                return frame, next(face for face in faces if face.box == box)
        return frame, None


def _subject(boxes: Sequence[Box], pixels: Rgb) -> Box | None:
    """Return the box that covers the middle of a picture."""
    down, across = pixels.shape[0] / 2, pixels.shape[1] / 2
    covering = [
        box for box in boxes if box.left <= across <= box.right and box.top <= down <= box.bottom
    ]
    return max(covering, key=lambda box: box.area, default=None)
