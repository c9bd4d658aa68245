"""The words of people about faces and videos, replayed in order: the last one counts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["is", "is_not", "nobody", "same", "right", "note", "undo"]


class Judgement(NamedTuple):
    """One word of one person.

    - `video`, `face`: what it is about; a word about the whole video has no face.
    - `name`: the name that is given or denied.
    - `other`: the face that is the same, the judgement that an undo takes back, or the group whose
      name a face got.
    - `note`: the text of a note; of a "right", what it confirmed, as JSON.
    """

    id: int
    at: str
    by: str
    kind: Kind
    video: int | None
    face: int | None
    name: str | None
    other: int | None
    note: str | None


class Confirmed(NamedTuple):
    """The answer that a "right" confirmed: the name of each face, and the people of the video."""

    faces: Mapping[int, str | None]
    people: tuple[str, ...]


class Standing(NamedTuple):
    """The result of all words about a face.

    - `said`: None for nothing said, empty for nobody known, otherwise the name.
    - `nobody`: not a person: a poster, for example.
    - `since`: the judgement that decided, 0 for none.
    """

    said: str | None = None
    nobody: bool = False
    since: int = 0

    def person(self, machine: str | None) -> str | None:
        """Return the name that counts; None for nobody known."""
        return (machine if self.said is None else self.said) or None


@dataclass(slots=True)
class _Word:
    """The last word about a face, and the names that were denied."""

    kind: Literal["is", "nobody", "same", "stranger"] | None = None
    name: str = ""
    other: int = 0
    since: int = 0
    denied: dict[str, int] = field(default_factory=dict)

    def hear(self, judgement: Judgement) -> None:
        """Take the next judgement into account."""
        name = judgement.name or ""
        if judgement.kind == "is":
            self._become("is", judgement.id, name)
            self.denied.pop(name, None)
        elif judgement.kind == "is_not":
            self.denied[name] = judgement.id
            if self.kind == "is" and self.name == name:
                self.kind = None
        elif judgement.kind == "nobody":
            self._become("nobody", judgement.id)
        elif judgement.kind == "same":
            self._become("same", judgement.id)
            self.other = judgement.other or 0

    def confirm(self, name: str | None, since: int) -> None:
        """Take the name that a "right" confirmed; None for a stranger."""
        if name:
            self.denied.pop(name, None)
            self._become("is", since, name)
        elif self.kind != "nobody":
            self._become("stranger", since)

    def _become(
        self, kind: Literal["is", "nobody", "same", "stranger"], since: int, name: str = ""
    ) -> None:
        self.kind, self.name, self.since = kind, name, since


def standing_judgements(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Return the judgements that no undo takes back, in their order; an undo can be undone."""
    undone: set[int] = set()
    standing = []
    for judgement in sorted(judgements, key=lambda one: one.id, reverse=True):
        if judgement.id in undone:
            continue
        if judgement.kind == "undo":
            undone.add(judgement.other or 0)
        else:
            standing.append(judgement)
    return standing[::-1]


def confirmed(judgement: Judgement) -> Confirmed:
    """Read what a "right" confirmed."""
    found: dict[str, Any] = json.loads(judgement.note or "{}")
    faces = {int(face): name for face, name in found.get("faces", {}).items()}
    return Confirmed(faces, tuple(found.get("people", ())))


def confirmation(faces: Mapping[int, str | None], people: Sequence[str]) -> str:
    """Write what a "right" confirms; `confirmed` reads it."""
    return json.dumps({"faces": faces, "people": list(people)}, ensure_ascii=False)


def standings(
    machine: Mapping[int, tuple[str | None, float | None]], judgements: Iterable[Judgement]
) -> dict[int, Standing]:
    """Replay judgements over faces; returns the standing of each face.

    `machine` has the name and the distance that the machine found for each face. It must have every
    face that a "same" connects with one of them, and `judgements` every word about these.
    """
    words = {face: _Word() for face in machine}
    for judgement in standing_judgements(judgements):
        if judgement.kind == "right":
            for face, name in confirmed(judgement).faces.items():
                if face in words:
                    words[face].confirm(name, judgement.id)
        elif judgement.face in words:
            words[judgement.face].hear(judgement)
    found: dict[int, Standing] = {}
    for faces in _connected(words):
        found.update(_of_one_person(faces, words, machine))
    return found


def _connected(words: Mapping[int, _Word]) -> list[list[int]]:
    """List the sets of faces that words of "same" connect, each begun by the face they lead to."""
    roots = {face: _root(face, words) for face in words}
    sets: dict[int, list[int]] = {}
    for face in sorted(words):
        sets.setdefault(roots[face], []).append(face)
    return [[root, *(face for face in faces if face != root)] for root, faces in sets.items()]


def _root(face: int, words: Mapping[int, _Word]) -> int:
    """Follow the words of "same" to their end; faces in a circle end at their lowest number."""
    passed = [face]
    while words[face].kind == "same" and words[face].other in words:
        face = words[face].other
        if face in passed:
            return min(passed[passed.index(face) :])
        passed.append(face)
    return face


def _of_one_person(
    faces: Sequence[int],
    words: Mapping[int, _Word],
    machine: Mapping[int, tuple[str | None, float | None]],
) -> dict[int, Standing]:
    """Give connected faces one standing: that of the first, to which they lead."""
    root, *others = faces
    standing = _alone(words[root], machine[root][0])
    if others and not (standing.said or standing.nobody or words[root].kind == "stranger"):
        standing = _shared(faces, words, machine, standing)
    found = {root: standing}
    for face in others:
        word = words[face]
        name = standing.person(machine[root][0])
        if standing.nobody:
            found[face] = Standing("", nobody=True, since=word.since)
        elif name and name not in word.denied:
            found[face] = Standing(name, since=word.since)
        else:
            found[face] = _alone(word, machine[face][0])
    return found


def _shared(
    faces: Sequence[int],
    words: Mapping[int, _Word],
    machine: Mapping[int, tuple[str | None, float | None]],
    standing: Standing,
) -> Standing:
    """Give an unknown face the name that the machine found for a face that is the same."""
    root = faces[0]
    if standing.person(machine[root][0]):
        return standing
    named = [
        (distance if distance is not None else 9.0, face, name)
        for face in faces
        for name, distance in [machine[face]]
        if name and name not in words[face].denied and name not in words[root].denied
    ]
    if not named:
        return standing
    return Standing(min(named)[2], since=max(words[face].since for face in faces))


def _alone(word: _Word, machine: str | None) -> Standing:
    """Return the standing that a face has by its own words."""
    if word.kind == "is":
        return Standing(word.name, since=word.since)
    if word.kind == "nobody":
        return Standing("", nobody=True, since=word.since)
    if word.kind == "stranger":
        return Standing("", since=word.since)
    if machine in word.denied:
        return Standing("", since=word.denied[machine])
    return Standing()
