"""The album of a video: the best picture of each face, and one of the scene."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from hybridsphere.recognition.identity import Identity
from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Face
from lambda_fn.video.video import Frame, Rgb

SIDE = 256
"""Longest side of the picture of a face, in pixels."""

SCENE_SIDE = 640
"""Longest side of the picture of the scene, in pixels."""

# The picture's side by that of the face: hair and chin belong to a face.
_MARGIN = 1.6

# A face is pictured again if it may be better, so often at most.
_MOST_TRIES = 6
_BETTER = 1.2

# Larger faces show no more in 256 pixels.
_ENOUGH_PX = 160

# Faces with a picture: beyond the first number, the least important leave until the second is left.
_MOST_ENTRIES = 160
_KEPT_ENTRIES = 128

# Grey levels between neighbours that count half as much as the sharpest picture.
_SHARP = 4.0

People = list[tuple[Identity, Box]]
"""The faces of one frame."""


@dataclass(slots=True)
class Picture:
    """Pixels of a part of a frame, and the faces that this part may show.

    - `place`: the part, in pixels of the frame.
    - `frame`: width and height of the frame.
    - `people`: the faces of the frame.
    """

    pixels: Image.Image
    at_s: float
    place: Box
    frame: tuple[int, int]
    people: People

    def covered(self, hidden: Callable[[Identity], bool]) -> Image.Image:
        """Return the picture, in which hidden faces are a few coarse squares."""
        image = self.pixels
        scale = image.width / max(1, self.place.width)
        for identity, box in self.people:
            if not hidden(identity):
                continue
            inside = (
                box.grown(box.height // 8, box.width // 8)
                .moved(-self.place.top, -self.place.left)
                .scaled(scale)
            )
            top, right, bottom, left = inside.within(*image.size)
            if right <= left or bottom <= top:
                continue
            part = image.crop((left, top, right, bottom))
            coarse = part.resize((4, 4), Image.Resampling.BOX).resize(
                part.size, Image.Resampling.NEAREST
            )
            image = image.copy()
            image.paste(coarse, (left, top))
        return image


@dataclass(slots=True)
class Entry:
    """One face: the seconds at which it was seen, in any order, and its best picture."""

    box: Box
    picture: Picture
    rough: float
    score: float
    seen_s: list[float] = field(default_factory=list)
    tries: int = 1

    def spans(self, gap_s: float) -> list[tuple[float, float]]:
        """Return the first and last seconds of its times, joined where no gap is longer."""
        spans: list[tuple[float, float]] = []
        for at_s in sorted(self.seen_s):
            if spans and at_s <= spans[-1][1] + gap_s:
                spans[-1] = (spans[-1][0], at_s)
            else:
                spans.append((at_s, at_s))
        return spans


class Album:
    """The faces of a video as they are seen; `gap_s` is the longest gap within one span."""

    def __init__(self, gap_s: float = 4.0) -> None:
        self.entries: dict[Identity, Entry] = {}
        self.scene: Picture | None = None
        self.dropped = 0
        self.gap_s = gap_s
        self._people: People = []
        self._at_s = -math.inf

    def see(self, frame: Frame, faces: Sequence[tuple[Identity, Face]]) -> None:
        """Take the faces of a frame into account; several calls may bring those of one frame."""
        if frame.at_s != self._at_s:
            self._people, self._at_s = [], frame.at_s
        if not faces:
            return
        self._people += [(identity, face.box) for identity, face in faces]
        try:
            for identity, face in faces:
                self._see(identity, frame, face)
            if self._is_better_scene():
                self._take_scene(frame)
        except MemoryError:
            # The answer matters more than its picture.
            return
        if len(self.entries) > _MOST_ENTRIES:
            self._thin_out()

    def still(self, at_s: float) -> None:
        """Note that the picture has not changed since the last frame."""
        for identity, _ in self._people:
            if identity in self.entries:
                self.entries[identity].seen_s.append(at_s)

    def _is_better_scene(self) -> bool:
        """Whether this frame shows somebody known for the first time, or more faces."""
        if self.scene is None or self.scene.people is self._people:
            return self.scene is None
        if not _shows_known(self.scene.people):
            return _shows_known(self._people) or len(self._people) > len(self.scene.people)
        return len(self._people) > len(self.scene.people) and _shows_known(self._people)

    def _see(self, identity: Identity, frame: Frame, face: Face) -> None:
        rough = min(face.box.height, _ENOUGH_PX) * _frontal(face)
        entry = self.entries.get(identity)
        if entry is None:
            picture = _portrait(frame, face.box, self._people)
            entry = Entry(face.box, picture, rough, rough * _sharpness(picture))
            self.entries[identity] = entry
        elif entry.tries < _MOST_TRIES and rough > entry.rough * _BETTER:
            picture = _portrait(frame, face.box, self._people)
            score = rough * _sharpness(picture)
            entry.tries += 1
            entry.rough = rough
            if score > entry.score:
                entry.box, entry.picture, entry.score = face.box, picture, score
        entry.seen_s.append(frame.at_s)

    def _take_scene(self, frame: Frame) -> None:
        longer = max(frame.width, frame.height)
        width = min(frame.width, round(frame.width * SCENE_SIDE / longer))
        whole = Box(0, frame.width, frame.height, 0)
        image = _small(frame.small(max(1, width)), SCENE_SIDE)
        self.scene = Picture(image, frame.at_s, whole, (frame.width, frame.height), self._people)

    def _thin_out(self) -> None:
        """Drop what matters least: strangers, then further faces of a person, small ones first."""
        best: dict[str, int] = {}
        ranked = []
        for identity, entry in self.entries.items():
            person = identity.person()
            size = entry.box.height
            if person is not None:
                best[person.name] = max(size, best.get(person.name, 0))
            ranked.append((person.name if person else None, size, identity))
        ranked.sort(
            key=lambda one: (
                one[0] is not None,
                one[0] is not None and one[1] == best[one[0]],
                one[1],
            )
        )
        leaving = ranked[: len(ranked) - _KEPT_ENTRIES]
        self.dropped += sum(name is None for name, _, _ in leaving)
        for _, _, identity in leaving:
            del self.entries[identity]


def _shows_known(people: People) -> bool:
    return any(identity.likely() for identity, _ in people)


def _portrait(frame: Frame, box: Box, people: People) -> Picture:
    """Cut out a face with a margin, no larger than SIDE."""
    grow = round(max(box.width, box.height) * _MARGIN)
    down, across = max(0, grow - box.height) // 2, max(0, grow - box.width) // 2
    place = box.grown(down, across).within(frame.width, frame.height)
    pixels: Rgb = frame.rgb()[place.top : place.bottom, place.left : place.right]
    image = _small(pixels, SIDE)
    return Picture(image, frame.at_s, place, (frame.width, frame.height), people)


def _small(pixels: Rgb, most: int) -> Image.Image:
    """Return pixels as a picture whose sides have `most` pixels at most."""
    # Video is smooth enough to skip pixels, which costs nothing; averages take milliseconds.
    step = max(1, max(pixels.shape[:2]) // most)
    image = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    if max(image.size) > most:
        # Averages of whole pixels take half of the time of bilinear ones.
        image.thumbnail((most, most), Image.Resampling.BOX, reducing_gap=None)
    return image


def _frontal(face: Face) -> float:
    """Return 1 for a face towards the camera, less for a turned face."""
    (left, _), (right, _), (nose, _), *_ = face.points.tolist()
    apart = right - left
    if apart <= 0:
        return 0.2
    aside = abs(nose - (left + right) / 2) / apart
    return float(max(0.2, 1 - aside))


def _sharpness(picture: Picture) -> float:
    """Return a figure from 0 to 1: how much neighbouring pixels differ."""
    grey = picture.pixels.resize((64, 64), Image.Resampling.NEAREST).convert("L")
    pixels = np.asarray(grey, np.float32)
    steps = float(np.abs(np.diff(pixels, axis=1)).mean())
    return steps / (steps + _SHARP)
