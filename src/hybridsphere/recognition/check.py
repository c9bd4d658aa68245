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
from hybridsphere.recognition.identity import Identity, Look
from hybridsphere.recognition.lookalikes import Pair, nearest_pairs
from hybridsphere.recognition.rule import rule_of
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
    asked = (tolerance, *_TOLERANCES)
    faces = [(name, _answers(without, row, asked)) for name, without, row in _faces(gallery)]
    foreign = [
        (name, _answers(without, row, asked))
        for name, without, row in _strangers(gallery, strangers)
    ]
    at_risk: dict[str, str] = {}
    for name, (answer, *_) in faces:
        if answer != name:
            at_risk[name] = f"taken for {answer}" if answer else "not recognised in one photograph"
    for other, (answer, *_) in foreign:
        if answer:
            at_risk.setdefault(answer, f"the name is given to a stranger ({other})")
    return GalleryCheck(
        people=len(photos),
        known=_known(faces, 0),
        strangers=_foreign(foreign, 0),
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


_Asked = tuple[str, list[str | None]]
"""A person, and the answers to one face, for each tolerance that was asked for."""


def _answers(gallery: Gallery, row: Embeddings, tolerances: Sequence[float]) -> list[str | None]:
    """Return the name that a face gets with each tolerance; the gallery is searched once."""
    reach = rule_of(gallery.space.engine).range(max(tolerances))
    rounded = row.astype(np.float16)
    look = Look(rounded, 0.0, gallery.matches(rounded.astype(np.float64), reach))
    people = (Identity.recalled(gallery, tolerance, [look]).person() for tolerance in tolerances)
    return [person.name if person else None for person in people]


def _known(faces: Sequence[_Asked], at: int) -> Answers:
    right = sum(name == answers[at] for name, answers in faces)
    unknown = sum(answers[at] is None for _, answers in faces)
    return Answers(right, len(faces) - right - unknown, unknown)


def _foreign(foreign: Sequence[_Asked], at: int) -> Answers:
    named = sum(answers[at] is not None for _, answers in foreign)
    return Answers(len(foreign) - named, named, 0)


def _advised(people: int, faces: Sequence[_Asked], foreign: Sequence[_Asked]) -> float | None:
    """Return the largest tolerance without a wrong name, and with hardly a named stranger."""
    if people < _LEAST_PEOPLE or len(faces) < _LEAST_ASKED:
        return None
    for at, tolerance in enumerate(_TOLERANCES, 1):
        strangers = _foreign(foreign, at)
        if strangers.wrong > _MOST_STRANGERS * strangers.asked:
            continue
        if not _known(faces, at).wrong:
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
