"""The questions: who is on a photograph, asked for known people and for strangers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.recognition.people import People, pixels_of
from bench.recognition.ways import Photo, Way
from hybridsphere.recognition.gallery import Gallery

PHOTOS = 4
"""Photographs of each known person: one is asked for, the others may be enrolled."""

# Photographs of each person of the group that are enrolled; the others are asked for.
_ENROLLED_OF_GROUP = 3


@dataclass(slots=True)
class Tally:
    """The number of right, wrong and missing names; for strangers no name is right."""

    right: int = 0
    wrong: int = 0
    unknown: int = 0

    @property
    def asked(self) -> int:
        return self.right + self.wrong + self.unknown

    def count(self, truth: str | None, answer: str | None) -> None:
        """Count the answer to a question."""
        if answer == truth:
            self.right += 1
        elif answer is None:
            self.unknown += 1
        else:
            self.wrong += 1


Photos = dict[str, list[Photo | None]]
"""The photographs of each person; None where the subject was not found."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """All photographs, embedded by a way."""

    known: Photos
    strangers: Photos
    group: Photos


def embedded(way: Way, people: People, check: Callable[[], None]) -> Embedded:
    """Embed all photographs; `check` runs before each and may raise."""

    def photos(paths: dict[str, list[Path]]) -> Photos:
        found: Photos = {}
        for name, files in paths.items():
            check()
            found[name] = [way.taken(pixels_of(file)) for file in files]
        return found

    return Embedded(photos(people.known), photos(people.strangers), photos(people.group))


@dataclass(frozen=True, slots=True)
class Answers:
    """A way's answers at one operating point, the default tolerance."""

    three_photos: Tally
    one_photo: Tally
    strangers: Tally
    strangers_of_group: Tally
    group: Tally
    strangers_to_group: Tally


def answers(way: Way, photos: Embedded) -> Answers:
    """Ask for each known photograph with the person's others enrolled, and for every stranger."""
    three, one, strangers, of_group = Tally(), Tally(), Tally(), Tally()
    for number in range(PHOTOS):
        others = [other for other in range(PHOTOS) if other != number]
        gallery = _gallery(way, photos.known, others)
        single = _gallery(way, photos.known, others[:1])
        for name, taken in photos.known.items():
            three.count(name, _answer(way, gallery, taken[number]))
            one.count(name, _answer(way, single, taken[number]))
        for taken in photos.strangers.values():
            strangers.count(None, _answer(way, gallery, taken[0]))
        for taken in photos.group.values():
            for photo in taken[number::PHOTOS]:
                of_group.count(None, _answer(way, gallery, photo))
    group, to_group = _in_group(way, photos)
    return Answers(three, one, strangers, of_group, group, to_group)


def _in_group(way: Way, photos: Embedded) -> tuple[Tally, Tally]:
    """Each person in turn is a stranger to a class of the others."""
    inside, outside = Tally(), Tally()
    for stranger, taken in photos.group.items():
        members = {name: photos.group[name] for name in photos.group if name != stranger}
        gallery = _gallery(way, members, range(_ENROLLED_OF_GROUP))
        for name, own in members.items():
            for photo in own[_ENROLLED_OF_GROUP:]:
                inside.count(name, _answer(way, gallery, photo))
        for photo in taken:
            outside.count(None, _answer(way, gallery, photo))
    return inside, outside


def _answer(way: Way, gallery: Gallery, photo: Photo | None) -> str | None:
    return way.answer(gallery, photo.look) if photo else None


def gallery_of_all(way: Way, photos: Embedded) -> Gallery:
    """Return the gallery of each known person's photographs but the last."""
    return _gallery(way, photos.known, range(PHOTOS - 1))


def _gallery(way: Way, people: Photos, numbers: Sequence[int]) -> Gallery:
    found = [
        (name, photo.row)
        for name, photos in people.items()
        for number in numbers
        if (photo := photos[number])
    ]
    return Gallery([name for name, _ in found], np.array([row for _, row in found]), way.space)
