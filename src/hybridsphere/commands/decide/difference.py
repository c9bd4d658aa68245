"""The difference that a new decision makes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from hybridsphere.memory.face import Face
from hybridsphere.memory.kept import KeptVideo
from hybridsphere.memory.video import Video
from hybridsphere.recognition.conclusion import likeliest
from hybridsphere.recognition.decision import FaceAnswer, KeptLooks, answer_of, identities_of
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity

Kind = Literal["named → unknown", "unknown → named", "renamed"]

KINDS: tuple[Kind, ...] = ("named → unknown", "unknown → named", "renamed")

MOST_CHANGES = 1000
"""Changes that are listed by name."""

OTHER_ENGINE = "of another engine than the gallery's"
EXPIRED = "whose looks have expired"


@dataclass(frozen=True, slots=True)
class Decided:
    """One video, decided once more.

    - `answers`: the new answer of each face with looks, by the face's id.
    - `person`: the one person of `identify`, empty for nobody known; None in attendance mode.
    """

    kept: KeptVideo
    tolerance: float
    answers: dict[int, FaceAnswer]
    person: str | None

    def renamed(self) -> list[tuple[Face, FaceAnswer]]:
        """List the faces that get another name, or lose or gain one."""
        return [
            (one.face, self.answers[one.face.id])
            for one in self.kept.faces
            if one.face.id in self.answers and one.face.name != self.answers[one.face.id].name
        ]

    def changes_answer(self) -> bool:
        """Return whether people may get another answer."""
        return bool(self.renamed()) or self.chooses_from_several()

    def chooses_from_several(self) -> bool:
        """Return whether `identify` had to choose, and has not chosen this person here before."""
        names = {answer.name for answer in self.answers.values()} - {None}
        return len(names) > 1 and self.person != self.kept.video.decided

    def differing(self) -> dict[int, FaceAnswer]:
        """Return the answers that are not the stored ones, by the face's id."""
        stored = {one.face.id: one.answer for one in self.kept.faces}
        return {face: answer for face, answer in self.answers.items() if answer != stored[face]}


def decide_page(
    gallery: Gallery,
    page: list[KeptVideo],
    tolerance: float | None,
    leave: Callable[[str, int], object] = lambda *_: None,
) -> list[Decided]:
    """Decide the videos of a page; without a tolerance, each with its own.

    `leave` is called with the reason and the number of faces that cannot be decided.
    """
    ours: dict[float, list[KeptVideo]] = {}
    for one in page:
        video = one.video
        if (video.engine, video.digest) != (gallery.space.engine, gallery.space.digest):
            leave(OTHER_ENGINE, len(one.faces))
            continue
        ours.setdefault(video.tolerance if tolerance is None else tolerance, []).append(one)
        leave(EXPIRED, sum(face.looks is None for face in one.faces))
    found = {
        decided.kept.video.id: decided
        for limit, videos in ours.items()
        for decided in _decide(gallery, limit, videos)
    }
    return [found[one.video.id] for one in page if one.video.id in found]


def _decide(gallery: Gallery, tolerance: float, videos: list[KeptVideo]) -> list[Decided]:
    looks: list[KeptLooks] = [
        face.looks for one in videos for face in one.faces if face.looks is not None
    ]
    identities = iter(identities_of(gallery, tolerance, looks))
    decided = []
    for one in videos:
        found: dict[int, Identity] = {
            face.face.id: next(identities) for face in one.faces if face.looks is not None
        }
        answers = {face: answer_of(identity) for face, identity in found.items()}
        decided.append(Decided(one, tolerance, answers, _person(one.video, found)))
    return decided


def _person(video: Video, found: dict[int, Identity]) -> str | None:
    if video.mode != "identify" or not found:
        return video.decided
    best = likeliest(found.values())
    return best.name if best else ""


@dataclass(slots=True)
class Difference:
    """The difference to the stored answers, counted while videos are decided.

    - `changed_videos`: videos with a face that is renamed, or with another choice.
    - `chosen`: videos of `identify` in which another of the same people is chosen.
    - `people_stand`: renamed faces whose name people have said.
    """

    videos: int = 0
    faces: int = 0
    changed_videos: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    chosen: int = 0
    people_stand: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def leave(self, why: str, faces: int) -> None:
        if faces:
            self.left_out[why] += faces

    def add(self, decided: Decided, own: Callable[[Video], str]) -> None:
        """Count a video; `own` finds the function's person, where none was decided here."""
        self.videos += 1
        self.faces += len(decided.answers)
        renamed = decided.renamed()
        chosen = not renamed and self._is_chosen_anew(decided, own)
        self.chosen += chosen
        self.changed_videos += bool(renamed) or chosen
        for face, answer in renamed:
            kind = _kind(face.name, answer.name)
            self.kinds[kind] += 1
            self.people_stand += face.said is not None
            if len(self.changes) < MOST_CHANGES:
                self.changes.append(_change(decided.kept.video, face, answer, kind))

    def _is_chosen_anew(self, decided: Decided, own: Callable[[Video], str]) -> bool:
        video = decided.kept.video
        if video.mode != "identify" or not decided.chooses_from_several():
            return False
        return video.decided is not None or own(video) != decided.person


def _kind(old: str | None, new: str | None) -> Kind:
    if new is None:
        return "named → unknown"
    return "renamed" if old else "unknown → named"


def _change(video: Video, face: Face, answer: FaceAnswer, kind: Kind) -> dict[str, Any]:
    return {
        "key": video.key,
        "version": video.version,
        "face": face.id,
        "at_ms": face.best_ms,
        "kind": kind,
        "from": face.name,
        "to": answer.name,
        "distance": answer.distance,
        "certainty": answer.certainty,
        "said": face.said,
    }
