"""A check of a gallery: whether its own photographs tell its people from each other and strangers.

Each photograph is asked for with itself left out, as a face that should be recognised. Then it is
asked for with its whole person left out, as a stranger's.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from hybridsphere.recognition.lookalikes import Pair, nearest_pairs
from hybridsphere.recognition.space import TOLERANCE, Embeddings

# Fewer say too little for advice on a tolerance.
_LEAST_PEOPLE = 10
_LEAST_ASKED = 20

# Tolerances that may be advised, the largest first.
_TOLERANCES = [round(0.66 - 0.01 * step, 2) for step in range(26)]

# The advised tolerance names at most this share of strangers.
_MOST_STRANGERS = 0.01


@dataclass(frozen=True, slots=True)
class Answers:
    """The number of right, wrong and missing names."""

    right: int
    wrong: int
    unknown: int

    @property
    def asked(self) -> int:
        return self.right + self.wrong + self.unknown


@dataclass(frozen=True, slots=True)
class GalleryCheck:
    """The facts about a gallery.

    - `known`: answers to the faces of people with other photographs in the gallery.
    - `strangers`: answers to strangers; `unknown` is the right answer, and counts as `right`.
    - `at_risk`: people who are not recognised, or whose name a stranger gets, with the reason.
    - `single`: people with one photograph, who could not be checked as known.
    - `advised`: a tolerance, or None with too few photographs for advice.
    - `same`, `different`: distances to the nearest photograph of the same and of another person.
    """

    people: int
    known: Answers
    strangers: Answers
    at_risk: dict[str, str]
    single: list[str]
    nearest: list[Pair]
    advised: float | None
    same: npt.NDArray[np.float64]
    different: npt.NDArray[np.float64]


def check(
    gallery: Gallery, strangers: Gallery | None = None, tolerance: float = TOLERANCE
) -> GalleryCheck:
    """Check a gallery with one tolerance; `strangers` are people who are not in it.

    Without `strangers`, each person of the gallery is taken for a stranger to the others.
    """
    photos = Counter(gallery.names)
    faces = list(_faces(gallery))
    foreign = list(_strangers(gallery, strangers))
    at_risk: dict[str, str] = {}
    for name, without, row in faces:
        answer = _answer(without, row, tolerance)
        if answer != name:
            at_risk[name] = f"taken for {answer}" if answer else "not recognised in one photograph"
    for other, without, row in foreign:
        if answer := _answer(without, row, tolerance):
            at_risk.setdefault(answer, f"the name is given to a stranger ({other})")
    return GalleryCheck(
        people=len(photos),
        known=_known(faces, tolerance),
        strangers=_foreign(foreign, tolerance),
        at_risk=dict(sorted(at_risk.items())),
        single=sorted(name for name, count in photos.items() if count == 1),
        nearest=nearest_pairs(gallery, 5),
        advised=_advised(len(photos), faces, foreign),
        same=_nearest_distances(gallery, same=True),
        different=_nearest_distances(gallery, same=False),
    )


_Question = tuple[str, Gallery, Embeddings]
"""A person, the gallery to ask, and the face."""


def _faces(gallery: Gallery) -> Iterator[_Question]:
    """Yield each photograph of a person with several, and the gallery without it."""
    photos = Counter(gallery.names)
    for at, (name, row) in enumerate(gallery.items()):
        if photos[name] > 1:
            yield name, gallery.without_rows([at]), row


def _strangers(gallery: Gallery, strangers: Gallery | None) -> Iterator[_Question]:
    if strangers is not None:
        for name, row in strangers.items():
            yield name, gallery, row
        return
    for name in dict.fromkeys(gallery.names):
        without = gallery.without(name)
        for other, row in gallery.items():
            if other == name:
                yield name, without, row


def _answer(gallery: Gallery, row: Embeddings, tolerance: float) -> str | None:
    identity = Identity(gallery, tolerance)
    identity.add(row, 0.0)
    person = identity.person()
    return person.name if person else None


def _known(questions: Sequence[_Question], tolerance: float) -> Answers:
    answers = [(name, _answer(gallery, row, tolerance)) for name, gallery, row in questions]
    right = sum(name == answer for name, answer in answers)
    unknown = sum(answer is None for _, answer in answers)
    return Answers(right, len(answers) - right - unknown, unknown)


def _foreign(questions: Sequence[_Question], tolerance: float) -> Answers:
    named = sum(_answer(gallery, row, tolerance) is not None for _, gallery, row in questions)
    return Answers(len(questions) - named, named, 0)


def _advised(people: int, faces: Sequence[_Question], foreign: Sequence[_Question]) -> float | None:
    """Return the largest tolerance without a wrong name, and with hardly a named stranger."""
    if people < _LEAST_PEOPLE or len(faces) < _LEAST_ASKED:
        return None
    for tolerance in _TOLERANCES:
        strangers = _foreign(foreign, tolerance)
        if strangers.wrong > _MOST_STRANGERS * strangers.asked:
            continue
        if not _known(faces, tolerance).wrong:
            return tolerance
    return _TOLERANCES[-1]


def _nearest_distances(gallery: Gallery, *, same: bool) -> npt.NDArray[np.float64]:
    """Return each photograph's distance to the nearest other one of the same or another person."""
    names = np.array(gallery.names)
    nearest = []
    for at, row in enumerate(gallery.embeddings):
        others = np.array(names == names[at]) == same
        others[at] = False
        if others.any():
            nearest.append(np.linalg.norm(gallery.embeddings[others] - row, axis=1).min())
    return np.array(nearest)
