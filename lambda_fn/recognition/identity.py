"""What the looks at a face say about who it is; docs/recognition.md has the figures.

Scores are in units of the tolerance: a face at distance d from somebody known scores
1 - d/tolerance for them, so that 0 is just within the tolerance, and 1 the known picture itself.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lambda_fn.gallery.gallery import Embeddings, Gallery, Match

# Beyond the tolerance a look speaks against a person, but never by more: a turned head says little.
_AGAINST = 1 / 15

# So far beyond the tolerance people are still told apart, so that it shows by how much one leads.
_REACH = 1 / 6

# When the answer is sure. Where nobody else comes near, one look at a distance of 0.5 is enough.
_SURE = 1 / 6
_SURE_LEAD = 1 / 3

# Of a face that is only just within the tolerance, strangers are nearly as near to a second person.
_DOUBTFUL_LEAD = 1 / 12

# After so many looks at a face further ones tell little that is new.
_ENOUGH_LOOKS = 8

# Looks at one face a second apart lie within 0.44 of each other; of different people hardly any do.
_SAME_FACE = 3 / 4


class Sighting(NamedTuple):
    """Somebody known, in the frame that shows them best, `at_s` seconds into the video."""

    name: str
    distance: float
    at_s: float


@dataclass(slots=True)
class _Tally:
    """All looks at a face, as far as they concern one person: each sum starts from the least."""

    best: Sighting
    score: float = 0.0
    likeness: float = 0.0


class Identity:
    """One face of a video and what the looks at it say, averaged: no single frame decides."""

    def __init__(self, gallery: Gallery, tolerance: float) -> None:
        self.looks = 0
        self.last_s = -math.inf
        self._gallery = gallery
        self._tolerance = tolerance
        self._sum: Embeddings = np.zeros(0)
        self._tallies: dict[str, _Tally] = {}

    def distance(self, embedding: Embeddings) -> float:
        """How far an embedding is from the average of this face."""
        return float(np.linalg.norm(self._sum / self.looks - embedding))

    def is_shown_by(self, embedding: Embeddings) -> bool:
        """Whether an embedding is of this face."""
        return self.distance(embedding) <= _SAME_FACE * self._tolerance

    def add(self, embedding: Embeddings, at_s: float) -> None:
        """Takes another look at this face into account."""
        self.last_s = at_s
        self.looks += 1
        self._sum = embedding if self.looks == 1 else self._sum + embedding
        for match in self._gallery.matches(embedding, self._tolerance * (1 + _REACH)):
            self._count(match, at_s)

    def weight(self) -> float:
        """How much speaks for the likeliest person; below 0 what speaks against everybody.

        Looks at one face resemble each other: four of them weigh twice as much as one.
        """
        return self._score() * math.sqrt(self.looks)

    def sure(self) -> bool:
        """Whether further looks would hardly change who this is."""
        return self.weight() >= _SURE and self._lead() * math.sqrt(self.looks) >= _SURE_LEAD

    def likely(self) -> bool:
        """Whether somebody is within the tolerance, on average."""
        # At exactly the tolerance too, whatever the additions round to.
        return self._score() > -1e-9

    def needs_looks(self) -> bool:
        """Whether this is likely somebody known, and a few more looks could make it sure."""
        return self.likely() and not self.sure() and self.looks < _ENOUGH_LOOKS

    def person(self) -> Sighting | None:
        """Who this is, in the frame that shows them best; None where it is nobody known."""
        doubtful = self._score() < _SURE and self._lead() < _DOUBTFUL_LEAD
        return self._ranked()[0].best if self.likely() and not doubtful else None

    def _count(self, match: Match, at_s: float) -> None:
        sighting = Sighting(match.name, match.distance, at_s)
        tally = self._tallies.setdefault(match.name, _Tally(sighting))
        score = 1 - match.distance / self._tolerance
        tally.score += max(score, -_AGAINST) + _AGAINST
        tally.likeness += score + _REACH
        if match.distance < tally.best.distance:
            tally.best = sighting

    def _score(self) -> float:
        """The average score of the likeliest person."""
        return self._ranked()[0].score / self.looks - _AGAINST

    def _lead(self) -> float:
        """How much more like the likeliest person this face is, on average, than like the next."""
        first, second = self._ranked()
        return (first.likeness - second.likeness) / self.looks

    def _ranked(self) -> tuple[_Tally, _Tally]:
        """The two people whom this face is most like."""
        nobody = _Tally(Sighting("", math.inf, math.nan))
        ranked = sorted(self._tallies.values(), key=lambda tally: tally.likeness, reverse=True)
        first, second, *_ = *ranked, nobody, nobody
        return first, second
