"""Why a video has its answer: computed again from the looks, and compared with the stored one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hybridsphere.ledger.ledger import Upload
from hybridsphere.memory.kept import KeptFace, KeptVideo
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.words import Judgement, standing_judgements
from hybridsphere.recognition.conclusion import Conclusion, likeliest
from hybridsphere.recognition.decision import FaceAnswer, answer_of, identities_of
from hybridsphere.recognition.explanation import Clause, LookAt, clauses_of, looks_of
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity

Verdict = Literal["equal", "gallery changed", "differs", "expired", "another engine"]

_EQUAL = 1e-9
"""Distances within it are the same: processors round sums in their own ways."""


@dataclass(frozen=True, slots=True)
class FaceExplained:
    """A face with its looks, the clauses, and the answer of today; empty if it cannot be decided.

    `verdict` compares that answer with the stored one.
    """

    kept: KeptFace
    verdict: Verdict
    looks: Sequence[LookAt] = ()
    clauses: Sequence[Clause] = ()
    answer: FaceAnswer | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """A video with its faces; `words` are what people said that still holds.

    - `kept`: None if no faces of the video are kept.
    - `chosen`: the one person of `identify`.
    - `same_gallery`: whether the stored answers are of this very gallery.
    """

    upload: Upload
    kept: KeptVideo | None
    faces: Sequence[FaceExplained]
    words: Sequence[Judgement]
    chosen: Conclusion | None
    same_gallery: bool

    @property
    def agrees(self) -> bool:
        """Whether each difference has a reason."""
        return all(face.verdict != "differs" for face in self.faces) and not self.choice_differs

    @property
    def choice_differs(self) -> bool:
        """Whether `identify` chooses another person than is stored, without a reason."""
        if not self.kept or self.kept.video.mode != "identify" or not self.same_gallery:
            return False
        if self.kept.video.left_out or any(face.answer is None for face in self.faces):
            return False
        chosen = self.chosen.name if self.chosen else ""
        return chosen != self.stored_choice

    @property
    def stored_choice(self) -> str:
        """The machine's person of `identify`; empty for nobody."""
        if self.kept and self.kept.video.decided is not None:
            return self.kept.video.decided
        return str(self.upload.people[0]["name"]) if self.upload.people else ""


def explain(upload: Upload, kept: KeptVideo | None, memory: Memory, gallery: Gallery) -> Explained:
    """Explain a video. Raises MemoryFileError."""
    if kept is None:
        return Explained(upload, None, (), (), None, same_gallery=False)
    video = kept.video
    words = standing_judgements(memory.judgements.of_video(video.id))
    same = video.gallery == gallery.digest
    if (video.engine, video.digest) != (gallery.space.engine, gallery.space.digest):
        faces = [FaceExplained(face, "another engine") for face in kept.faces]
        return Explained(upload, kept, faces, words, None, same)
    looks = [face.looks for face in kept.faces if face.looks is not None]
    identities = identities_of(gallery, video.tolerance, looks)
    left = iter(identities)
    explained = [
        FaceExplained(face, "expired")
        if face.looks is None
        else _explain(face, next(left), gallery, video.tolerance, same_gallery=same)
        for face in kept.faces
    ]
    chosen = likeliest(identities) if video.mode == "identify" else None
    return Explained(upload, kept, explained, words, chosen, same)


def _explain(
    face: KeptFace, identity: Identity, gallery: Gallery, tolerance: float, *, same_gallery: bool
) -> FaceExplained:
    answer = answer_of(identity)
    verdict: Verdict = "differs"
    if is_same(answer, face.answer):
        verdict = "equal"
    elif not same_gallery:
        verdict = "gallery changed"
    clauses = clauses_of(identity, gallery, tolerance)
    return FaceExplained(face, verdict, looks_of(identity), clauses, answer)


def is_same(one: FaceAnswer, other: FaceAnswer) -> bool:
    """Compare two answers, but for the rounding of distances."""
    names = (one.name, one.runner_up, one.certainty) == (
        other.name,
        other.runner_up,
        other.certainty,
    )
    return (
        names
        and _near(one.distance, other.distance)
        and _near(one.runner_up_distance, other.runner_up_distance)
    )


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=0, abs_tol=_EQUAL)
