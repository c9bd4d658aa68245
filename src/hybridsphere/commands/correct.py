"""Corrections: what somebody says of a result, and what follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.console import Console

from hybridsphere.commands.desk import Desk, usable_name
from hybridsphere.commands.faces import how_text, person_text
from hybridsphere.commands.lines import print_headline, print_json, print_line, print_pairs
from hybridsphere.commands.tables import print_table
from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import Upload
from hybridsphere.memory.memory import Face, Video
from hybridsphere.memory.words import Judgement, Kind, standing_judgements

_WORDS = {
    "is": "is {name}",
    "is_not": "is not {name}",
    "nobody": "is nobody",
    "same": "is the same as face {other}",
    "right": "the result is right",
    "note": "note: {note}",
}


@dataclass(frozen=True, slots=True)
class Correction:
    """One word: exactly one field is given."""

    is_name: str | None = None
    is_not_name: str | None = None
    add: str | None = None
    remove: str | None = None
    nobody: bool = False
    same: int | None = None
    right: bool = False
    note: str | None = None
    undo: bool = False

    def count(self) -> int:
        """Count the fields that are given."""
        return sum(
            value is not None and value is not False
            for value in (getattr(self, name) for name in self.__slots__)
        )


class Corrected(NamedTuple):
    """The result before a word and after it; `late` tells that the answer is still the old one."""

    before: Upload
    after: Upload
    late: bool


def correct_video(desk: Desk, key: str, number: int | None, correction: Correction) -> Corrected:
    """Record a word about a video or one of its faces, and derive the answer."""
    upload = desk.upload(key)
    video = _video(desk, upload)
    face = None
    if number is not None:
        face = desk.face(number)
        if face.video != video.id:
            raise CannotRun(
                f"face {number} is in another video than {key}",
                hint=f"`hybridsphere faces --video {key}` lists its faces",
            )
    return _corrected(desk, upload, video, face, correction)


def correct_face(desk: Desk, number: int, correction: Correction) -> Corrected:
    """Record a word about a face, and derive the answer of its video."""
    face = desk.face(number)
    video = desk.memory.video_of(face.video)
    upload = desk.ledger.upload(video.bucket, video.key, video.version) if video else None
    if video is None or upload is None:
        raise CannotRun(f"the result of face {number} has expired")
    return _corrected(desk, upload, video, face, correction)


def show_correction(done: Corrected, console: Console, *, as_json: bool) -> None:
    """Print what people get now, and what they got before if that differs."""
    upload = done.after
    if as_json:
        print_json(console, {**answer_fields(upload), "late": done.late})
        return
    now, then = answer_text(upload), answer_text(done.before)
    if done.late:
        print_headline(console, "note", f"{upload.key}: recorded; until the answer follows, {now}")
        return
    print_headline(console, "ok", f"{upload.key}: {now}")
    if now != then:
        print_line(console, f"  before: {then}")
    if upload.answer_status is not None:
        machine = answer_text(upload, machine=True)
        print_line(console, f"  the machine's own answer: {machine}")


def show_video(desk: Desk, key: str, console: Console, *, as_json: bool) -> None:
    """Print what people get for a video, its faces, and what was said of it."""
    upload = desk.upload(key)
    video = desk.memory.video(upload.bucket, upload.key, upload.version)
    faces = desk.memory.faces(video.id) if video else []
    words = desk.memory.judgements.of_video(video.id) if video else []
    if as_json:
        judgements = [word._asdict() for word in words]
        print_json(
            console,
            {**answer_fields(upload), "faces": [f.id for f in faces], "judgements": judgements},
        )
        return
    print_headline(console, "ok", f"{upload.key}: {answer_text(upload)}")
    print_line(console, f"  the machine's own answer: {answer_text(upload, machine=True)}")
    if faces:
        rows = [[str(face.id), person_text(face), how_text(face)] for face in faces]
        print_table(console, ("FACE", "PERSON", "HOW"), rows)
    if standing := standing_judgements(words):
        print_pairs(console, "what was said", [_said(word) for word in standing])


def answer_text(upload: Upload, *, machine: bool = False) -> str:
    """Write an answer in one line: the status, and the people."""
    status = upload.status if machine else upload.effective_status
    people = upload.people if machine else upload.effective_people
    names = ", ".join(str(person["name"]) for person in people)
    return f"{status}: {names}" if names else f"{status}"


def answer_fields(upload: Upload) -> dict[str, Any]:
    """Return an answer for programs, and the machine's own."""
    return {
        "bucket": upload.bucket,
        "key": upload.key,
        "version": upload.version,
        "status": upload.effective_status,
        "people": upload.effective_people,
        "corrected": upload.answer_status is not None,
        "machine": {"status": upload.status, "people": upload.people},
    }


def _corrected(
    desk: Desk, upload: Upload, video: Video, face: Face | None, correction: Correction
) -> Corrected:
    _record(desk, upload, video, face, correction)
    late = desk.follow() is None
    after = desk.ledger.upload(video.bucket, video.key, video.version)
    return Corrected(upload, after or upload, late)


def _record(
    desk: Desk, upload: Upload, video: Video, face: Face | None, correction: Correction
) -> None:
    if correction.count() != 1:
        raise CannotRun(
            "say exactly one thing of a result",
            hint="--is NAME, --is-not NAME, --nobody, --same FACE, --right, --note TEXT or --undo",
        )
    with desk.memory.transaction():
        if correction.undo:
            _undo(desk, video, face)
            return
        if correction.right:
            names = [str(person["name"]) for person in upload.effective_people]
            desk.memory.judgements.confirm(video.id, names, by=desk.by)
            return
        kind, name = _kind(correction)
        for one in _meant(desk, upload, video, face, correction):
            desk.memory.judgements.say(
                kind,
                by=desk.by,
                video=video.id,
                face=one.id if one else None,
                name=name,
                other=_other(desk, one, correction),
                note=correction.note,
            )


def _kind(correction: Correction) -> tuple[Kind, str | None]:
    """Return the kind of a judgement, and the name in its one form."""
    given = correction.is_name or correction.add
    if given is not None:
        return "is", usable_name(given)
    denied = correction.is_not_name or correction.remove
    if denied is not None:
        return "is_not", usable_name(denied)
    if correction.nobody:
        return "nobody", None
    return ("same" if correction.same is not None else "note"), None


def _meant(
    desk: Desk, upload: Upload, video: Video, face: Face | None, correction: Correction
) -> Sequence[Face | None]:
    """Find the faces that are meant where none was named; None is the whole video."""
    if face or correction.note is not None or correction.add or correction.remove:
        return [face]
    faces = desk.memory.faces(video.id)
    if correction.is_not_name is not None:
        name = usable_name(correction.is_not_name)
        if shown := [one for one in faces if one.person == name]:
            return shown
        if not any(person["name"] == name for person in upload.effective_people):
            raise CannotRun(f"{name} is not in the answer of {upload.key}")
        return [None]
    if len(faces) > 1:
        listed = [(str(one.id), f"{person_text(one)} ({how_text(one)})") for one in faces]
        raise CannotRun(
            f"{upload.key} shows {len(faces)} faces:", details=listed, hint="choose one by --face"
        )
    if not faces and correction.same is not None:
        raise CannotRun(f"no face of {upload.key} is kept")
    return faces or [None]


def _other(desk: Desk, face: Face | None, correction: Correction) -> int | None:
    if correction.same is None:
        return None
    other = desk.face(correction.same)
    if face and other.id == face.id:
        raise CannotRun(f"face {other.id} cannot be compared with itself")
    return other.id


def _undo(desk: Desk, video: Video, face: Face | None) -> None:
    last = desk.memory.judgements.last(video.id, face.id if face else None)
    if last is None:
        about = f"face {face.id}" if face else video.key
        raise CannotRun(f"nobody has said anything of {about} that could be taken back")
    desk.memory.judgements.take_back(last, by=desk.by)


def _video(desk: Desk, upload: Upload) -> Video:
    """Find the video of an upload; the memory begins one where no face was kept."""
    with desk.memory.transaction():
        return desk.memory.begin_video(upload)


def _said(word: Judgement) -> tuple[str, str]:
    about = f"face {word.face} " if word.face and word.kind != "note" else ""
    text = _WORDS[word.kind].format(name=word.name, other=word.other, note=word.note)
    return f"{word.at[:16].replace('T', ' ')}, {word.by}", about + text
