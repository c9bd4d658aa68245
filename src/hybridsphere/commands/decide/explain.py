"""The command `explain`: find the video, and print why it has its answer."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from hybridsphere.commands.decide.explanation import Explained, FaceExplained, explain
from hybridsphere.commands.desk import reading
from hybridsphere.commands.gallery_reader import read_gallery
from hybridsphere.commands.lines import print_json, print_line
from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.memory.kept import kept_of
from hybridsphere.memory.memory import Memory, memory_path
from hybridsphere.memory.words import Judgement
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.settings import Settings

_WIDTH = 79

_VERDICTS = {
    "equal": "computed again: the stored answer",
    "gallery changed": "the gallery has changed since: today the answer would be {answer}",
    "differs": "computed again, it is {answer}, and nothing explains the difference",
    "expired": "its looks have expired, so nothing can be computed again",
    "another engine": "its looks are of another engine than the gallery's",
}


def explain_key(
    settings: Settings,
    console: Console,
    *,
    key: str,
    version: str | None,
    location: str | None,
    as_json: bool,
) -> bool:
    """Print why a video has its answer; False if the answer differs without a reason.

    Raises CannotRun for an unknown key or version, and without a gallery.
    """
    with Ledger.read(settings.results_dir) as ledger:
        upload = _upload(ledger, key, version)
    gallery = read_gallery(location or settings.gallery)
    explained = _explain(settings.results_dir, upload, gallery)
    if as_json:
        print_json(console, _record(explained))
    else:
        for line in _lines(explained):
            print_line(console, line)
    return explained.agrees


def _upload(ledger: Ledger, key: str, version: str | None) -> Upload:
    if version is None:
        found = ledger.newest_of_key(key)
    else:
        named = (
            one for one in ledger.versions_of_key(key) if version in {one.version, one.sequencer}
        )
        found = next(named, None)
    if found is None or found.status is None:
        of = f" of version {version}" if version else ""
        raise CannotRun(
            f"no result of {key}{of} is in the ledger",
            hint="`hybridsphere results export` lists keys and versions",
        )
    return found


def _explain(folder: Path, upload: Upload, gallery: Gallery) -> Explained:
    if not memory_path(folder).exists():
        return Explained(upload, None, (), (), None, same_gallery=False)
    with reading(folder) as memory:
        return _explained(memory, upload, gallery)


def _explained(memory: Memory, upload: Upload, gallery: Gallery) -> Explained:
    video = memory.video(upload.bucket, upload.key, upload.version)
    kept = kept_of(memory, [video])[0] if video else None
    return explain(upload, kept, memory, gallery)


def _lines(explained: Explained) -> Iterator[str]:
    upload = explained.upload
    people = ", ".join(str(person["name"]) for person in upload.effective_people)
    yield f"{upload.key}: {upload.effective_status}{f', {people}' if people else ''}"
    if explained.kept is None:
        note = f": {upload.faces_note}" if upload.faces_note else ""
        yield f"no faces of this video are kept{note}"
        yield from _of_message(upload)
        return
    video = explained.kept.video
    yield f"{video.mode} mode, tolerance {video.tolerance:.3f}, engine {video.engine}"
    if not explained.same_gallery:
        yield "the gallery has changed since this was decided"
    for face in explained.faces:
        yield from _face(face)
    if explained.chosen:
        yield from _choice(explained)
    if video.left_out:
        yield f"{video.left_out} more faces were not kept"
    for word in explained.words:
        yield f"{word.by} said on {word.at[:10]}: {_word(word)}"


def _of_message(upload: Upload) -> Iterator[str]:
    for person in upload.people:
        figures = [f"{name} {person[name]}" for name in _FIGURES if person.get(name) is not None]
        yield f"  {person['name']}: {', '.join(figures)}"


_FIGURES = ("distance", "runner_up", "runner_up_distance", "certainty")


def _face(explained: FaceExplained) -> Iterator[str]:
    face = explained.kept.face
    yield ""
    head = f"face {face.id} at {face.best_ms / 1000:.1f} s, {face.size_px} pixels: "
    yield head + _named(face.name, face.distance, face.certainty)
    for look in explained.looks:
        nearest = _person(look.nearest, look.distance)
        other = f", then {_person(look.next, look.next_distance)}" if look.next else ""
        yield f"    look at {look.at_s:.1f} s: {nearest}{other}"
    for clause in explained.clauses:
        mark = "✓" if clause.holds else "✗"
        yield from textwrap.wrap(
            f"{mark} {clause.name}: {clause.text}",
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
        )
    today = explained.answer
    answer = _named(today.name, today.distance, today.certainty) if today else ""
    yield "  = " + _VERDICTS[explained.verdict].format(answer=answer)
    if face.said is not None:
        yield f"  people say: {face.said or 'nobody known'}"


def _choice(explained: Explained) -> Iterator[str]:
    names = {face.answer.name for face in explained.faces if face.answer and face.answer.name}
    chosen = explained.chosen
    if chosen and len(names) > 1:
        yield ""
        why = "a sure face" if chosen.certainty == "sure" else "the most support"
        yield f"of {len(names)} people {chosen.name} is the one, by {why} ({chosen.support:.3f})"
    if explained.choice_differs:
        yield f"  = stored is {explained.stored_choice or 'nobody'}, and nothing explains that"


def _named(name: str | None, distance: float | None, certainty: str) -> str:
    return f"{_person(name, distance)}, {certainty}" if name else "unknown"


def _person(name: str | None, distance: float | None) -> str:
    return f"{name} {distance:.3f}" if name and distance is not None else "nobody"


def _word(word: Judgement) -> str:
    about = f"face {word.face}" if word.face else "this video"
    words = {
        "is": f"{about} is {word.name}",
        "is_not": f"{about} is not {word.name}",
        "nobody": f"{about} is nobody",
        "same": f"{about} is the same as face {word.other}",
        "right": f"{about} is right",
        "note": f"{about}: {word.note}",
    }
    return words.get(word.kind, word.kind)


def _record(explained: Explained) -> dict[str, Any]:
    upload, kept = explained.upload, explained.kept
    return {
        "key": upload.key,
        "version": upload.version,
        "status": upload.effective_status,
        "people": [person["name"] for person in upload.effective_people],
        "machine": {"status": upload.status, "people": [one["name"] for one in upload.people]},
        "kept": kept is not None,
        "faces_note": upload.faces_note,
        "mode": kept.video.mode if kept else None,
        "tolerance": kept.video.tolerance if kept else None,
        "same_gallery": explained.same_gallery,
        "chosen": explained.chosen.name if explained.chosen else None,
        "agrees": explained.agrees,
        "faces": [_face_record(face) for face in explained.faces],
        "words": [_word(word) for word in explained.words],
    }


def _face_record(explained: FaceExplained) -> dict[str, Any]:
    face, answer = explained.kept.face, explained.answer
    return {
        "face": face.id,
        "at_ms": face.best_ms,
        "stored": explained.kept.answer._asdict(),
        "computed": answer._asdict() if answer else None,
        "verdict": explained.verdict,
        "said": face.said,
        "looks": [look._asdict() for look in explained.looks],
        "clauses": [clause._asdict() for clause in explained.clauses],
    }
