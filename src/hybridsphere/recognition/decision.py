"""Decisions from kept looks: the function's rule, for the VM that keeps no video.

The same looks, gallery and tolerance give the function's own answer.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity, Look
from hybridsphere.recognition.rule import rule_of

UNKNOWN = "unknown"
"""The certainty of a face that is nobody known."""


class KeptLooks(NamedTuple):
    """The looks at one face: float16 `(looks, 128)`, at least one, and the second of each."""

    embeddings: npt.NDArray[np.float16]
    times_s: Sequence[float]


class FaceAnswer(NamedTuple):
    """The answer about one face; an unknown face has the likeliest person as runner-up."""

    name: str | None
    distance: float | None
    runner_up: str | None
    runner_up_distance: float | None
    certainty: str


def identities_of(gallery: Gallery, tolerance: float, faces: Sequence[KeptLooks]) -> list[Identity]:
    """Return the identity of each face. Looks and gallery must have the same engine."""
    if not faces:
        return []
    reach = rule_of(gallery.space.engine).range(tolerance)
    looks = np.concatenate([face.embeddings for face in faces]).astype(np.float64)
    matches = iter(gallery.matches_of_many(looks, reach))
    return [
        Identity.recalled(
            gallery,
            tolerance,
            [
                Look(embedding, at_s, next(matches))
                for embedding, at_s in zip(face.embeddings, face.times_s, strict=True)
            ],
        )
        for face in faces
    ]


def answer_of(identity: Identity) -> FaceAnswer:
    """Return the answer about a face."""
    person = identity.person()
    other = identity.runner_up() if person else identity.nearest()
    return FaceAnswer(
        name=person.name if person else None,
        distance=person.distance if person else None,
        runner_up=other.name if other else None,
        runner_up_distance=other.distance if other else None,
        certainty=identity.certainty() if person else UNKNOWN,
    )
