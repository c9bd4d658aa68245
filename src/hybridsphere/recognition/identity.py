"""The identity of a face: who it is, and how surely, from all the looks at it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.gallery import Gallery, Match
from hybridsphere.recognition.rule import rule_of
from hybridsphere.recognition.space import TOLERANCE, Embeddings

# Further looks at a face add little after this many.
_ENOUGH_LOOKS = 8


MOST_LOOKS = 16
"""Looks that are kept of a face; the answer is that of these, so it can be found again."""


class Look(NamedTuple):
    """A look at a face: its embedding, its time, and the people within reach."""

    embedding: npt.NDArray[np.float16]
    at_s: float
    matches: list[Match]


class Sighting(NamedTuple):
    """A known person in the frame that shows them best, `at_s` seconds into the video."""

    name: str
    distance: float
    at_s: float


@dataclass(slots=True)
class _Tally:
    """The looks at a face, summed up for one person; a sum counts from the least score."""

    best: Sighting
    margin: float = 0.0
    usual_margin: float = 0.0
    likeness: float = 0.0


class Identity:
    """The looks at one face, averaged, so that no single frame decides who it is.

    Embeddings are rounded to float16 first. An identity that is given the `kept` looks of another
    has the same answers, bit for bit.
    """

    def __init__(self, gallery: Gallery, tolerance: float) -> None:
        self.kept: list[Look] = []
        self.last_s = -math.inf
        self._gallery = gallery
        self._tolerance = tolerance
        self._rule = rule_of(gallery.space.engine)
        self._sum: Embeddings = np.zeros(0)
        self._tallies: dict[str, _Tally] = {}

    @classmethod
    def recalled(cls, gallery: Gallery, tolerance: float, looks: Sequence[Look]) -> Self:
        """Return the identity of the `kept` looks of another; their answers are the same."""
        identity = cls(gallery, tolerance)
        identity.kept = list(looks)
        identity.last_s = looks[-1].at_s
        identity._sum_up(looks)
        return identity

    @property
    def looks(self) -> int:
        """The number of looks that the answer rests on."""
        return len(self.kept)

    def distance(self, embedding: Embeddings) -> float:
        """Return the distance of an embedding from the average of this face."""
        return float(np.linalg.norm(self._sum / self.looks - embedding))

    def is_shown_by(self, embedding: Embeddings) -> bool:
        """Whether an embedding belongs to this face."""
        return self.distance(embedding) <= self._rule.same_face

    def add(self, embedding: Embeddings, at_s: float) -> None:
        """Take another look into account; a repeated picture adds none.

        Beyond MOST_LOOKS the look with the least time around it is dropped.
        """
        self.last_s = at_s
        rounded = embedding.astype(np.float16)
        if self._repeats(rounded.astype(np.float64)):
            return
        reach = self._rule.range(self._tolerance)
        matches = self._gallery.matches(rounded.astype(np.float64), reach)
        self.kept.append(Look(rounded, at_s, matches))
        if self.looks <= MOST_LOOKS:
            self._sum_up(self.kept[-1:])
            return
        del self.kept[_most_crowded(self.kept)]
        # Summed again from the first, so that the same looks give the same bits.
        self._sum = np.zeros(0)
        self._tallies.clear()
        self._sum_up(self.kept)

    def weight(self) -> float:
        """Return the support for the likeliest person, below 0 if the looks speak against them.

        Looks at one face resemble each other: four of them weigh twice as much as one.
        """
        return self.usual_margin() * math.sqrt(self.looks)

    def sure(self) -> bool:
        """Whether further looks would hardly change the answer."""
        return (
            self.likely()
            and self.weight() >= self._rule.sure
            and self.lead() * math.sqrt(self.looks) >= self._rule.sure_lead
        )

    def likely(self) -> bool:
        """Whether somebody lies within the tolerance, on average."""
        # The rounding of sums must not exclude a face at exactly the tolerance.
        return self.margin() > -1e-9

    def margin(self) -> float:
        """Return the likeliest person's average margin within the tolerance, below 0 outside."""
        return self._ranked()[0].margin / self.looks - self._rule.against

    def usual_margin(self) -> float:
        """Return the likeliest person's average margin within the default tolerance."""
        return self._ranked()[0].usual_margin / self.looks - self._rule.against

    def needs_looks(self) -> bool:
        """Whether somebody known is likely, and a few more looks could make that sure."""
        return self.likely() and not self.sure() and self.looks < _ENOUGH_LOOKS

    def person(self) -> Sighting | None:
        """Return the person in the frame that shows them best; None for a stranger."""
        doubtful = self.usual_margin() < self._rule.sure and self.lead() < self._rule.doubtful_lead
        return self._ranked()[0].best if self.likely() and not doubtful else None

    def runner_up(self) -> Sighting | None:
        """Return the second likeliest person; None if nobody else is within reach."""
        second = self._ranked()[1]
        return second.best if second.likeness else None

    def nearest(self) -> Sighting | None:
        """Return the likeliest person, also of a stranger; None if nobody is within reach."""
        first = self._ranked()[0]
        return first.best if first.likeness else None

    def certainty(self) -> str:
        """Return how certain the person is: `sure`, `likely` or `doubtful`."""
        if self.sure():
            return "sure"
        return "likely" if self.usual_margin() >= self._rule.sure else "doubtful"

    def average(self) -> Embeddings:
        """Return the average embedding of all looks."""
        return np.asarray(self._sum / self.looks)

    def resembles(self, name: str) -> bool:
        """Whether a person is the likeliest one, even if beyond the tolerance or in doubt."""
        first = self._ranked()[0]
        return first.likeness > 0 and first.best.name == name

    def lead(self) -> float:
        """Return the average distance by which the likeliest person is nearer than the next."""
        first, second = self._ranked()
        return (first.likeness - second.likeness) / self.looks

    def _repeats(self, embedding: Embeddings) -> bool:
        """Return whether a kept look is the same picture."""
        if not self.kept:
            return False
        apart = np.array([look.embedding for look in self.kept], np.float64) - embedding
        nearest = np.add.reduce(apart * apart, axis=1).min()
        return bool(nearest <= self._rule.same_look**2)

    def _sum_up(self, looks: Sequence[Look]) -> None:
        for look in looks:
            embedding = look.embedding.astype(np.float64)
            self._sum = self._sum + embedding if self._sum.size else embedding
            for match in look.matches:
                self._count(match, look.at_s)

    def _count(self, match: Match, at_s: float) -> None:
        sighting = Sighting(match.name, match.distance, at_s)
        tally = self._tallies.setdefault(match.name, _Tally(sighting))
        against = self._rule.against
        own = self._gallery.limit(match.name)
        tally.margin += max(self._tolerance * own / TOLERANCE - match.distance, -against) + against
        tally.usual_margin += max(own - match.distance, -against) + against
        tally.likeness += max(self._rule.reach - match.distance, 0.0)
        if match.distance < tally.best.distance:
            tally.best = sighting

    def _ranked(self) -> tuple[_Tally, _Tally]:
        """Return the tallies of the two people who resemble this face most."""
        nobody = _Tally(Sighting("", math.inf, math.nan))
        ranked = sorted(self._tallies.values(), key=lambda tally: tally.likeness, reverse=True)
        first, second, *_ = *ranked, nobody, nobody
        return first, second


def _most_crowded(looks: Sequence[Look]) -> int:
    """Return the place of the look with the least time around it; the first and last stay."""
    around = [after.at_s - before.at_s for before, after in zip(looks[:-2], looks[2:], strict=True)]
    return 1 + around.index(min(around))
