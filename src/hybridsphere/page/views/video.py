"""A video: the player, who was seen when, and what happened to the upload."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from hybridsphere.memory.face import Face
from hybridsphere.page.archive import Entry
from hybridsphere.page.render import View, duration, short, url
from hybridsphere.page.site import Shelf
from hybridsphere.page.views.cards import picture, row, took
from hybridsphere.page.views.words import STATUS, TONE, advice, certainty, headline, label

CHOICES = 9
"""Names that a key chooses."""


def video(shelf: Shelf, query: Mapping[str, str]) -> View:
    """Show one version of an upload, by default the newest. Raises HTTPNotFound."""
    bucket = shelf.bucket
    entry = shelf.archive.one(bucket, query.get("key", ""), query.get("version", ""))
    if entry is None:
        raise web.HTTPNotFound(text="There is no such video.")
    upload = entry.upload
    number = shelf.faces.number_of(entry) if shelf.faces else None
    faces = shelf.faces.faces(number) if shelf.faces and number is not None else []
    others = [one for one in shelf.archive.versions(bucket, upload.key) if one.row != entry.row]
    context = {
        "entry": entry,
        "upload": upload,
        "headline": headline(entry),
        "word": STATUS.get(entry.status, "done"),
        "tone": TONE.get(entry.status, "soft"),
        "hint": advice(entry),
        "took": took(entry),
        "faces": faces,
        "scene": picture(shelf, number, faces),
        "source": url("/media", key=upload.key, version=upload.version),
        "lines": lines(entry, faces),
        "trail": trail(entry),
        "choices": choices(shelf, faces),
        "tones": TONE,
        "versions": [
            (url("/video", key=upload.key, version=one.upload.version), one) for one in others
        ],
        "here_again": url("/video", key=upload.key, version=upload.version),
    }
    rows = [face_row(face) for face in faces] or [
        {name: person.get(name, "") for name in ("name", "major", "year", "status")}
        for person in entry.people
    ]
    return View("video", upload.key, "video.html", context, rows, {"upload": row(entry)})


def trail(entry: Entry) -> list[tuple[str, str, str]]:
    """List the steps of an upload: a word, the moment, and the time since the step before."""
    upload = entry.upload
    steps = [
        ("uploaded", upload.event_time),
        ("received", upload.received_at),
        ("invoked", upload.invoked_at),
        ("started", upload.started_at),
        ("finished", upload.finished_at),
        ("on disk", upload.stored_at),
    ]
    found: list[tuple[str, str, str]] = []
    before: datetime | None = None
    for word, text in steps:
        if text is None:
            continue
        moment = datetime.fromisoformat(text)
        passed = (moment - before).total_seconds() if before else -1.0
        found.append((word, text, f"+{short(passed)}" if passed >= 0 else ""))
        before = moment
    return found


def lines(entry: Entry, faces: Sequence[Face]) -> list[dict[str, Any]]:
    """Make a line of time for each person: spans in thousandths of the whole."""
    people = [(label(face), not face.person, face.spans, face.id) for face in faces if face.spans]
    if not people:
        named = ((str(one.get("name")), one.get("spans")) for one in entry.people)
        people = [(name, False, spans, 0) for name, spans in named if spans]
    end = max((last for _, _, spans, _ in people for _, last in spans), default=0)
    if not end:
        return []
    return [
        {
            "label": label,
            "unknown": unknown,
            "face": face,
            "spans": [
                (round(1000 * first / end, 1), max(4.0, round(1000 * (last - first) / end, 1)))
                for first, last in spans
            ],
            "first": spans[0][0],
            "total": duration(sum(last - first for first, last in spans) / 1000),
        }
        for label, unknown, spans, face in people
    ]


def choices(shelf: Shelf, faces: Sequence[Face]) -> list[str]:
    """List the names that are offered for these faces, the likeliest first."""
    near = [name for face in faces for name in (face.name, face.runner_up) if name]
    everybody = shelf.faces.persons(200) if shelf.faces else []
    return list(dict.fromkeys([*near, *everybody]))


def face_row(face: Face) -> dict[str, Any]:
    return {
        "face": face.id,
        "name": label(face),
        "certainty": certainty(face),
        "machine": face.name,
        "distance": face.distance,
        "runner_up": face.runner_up,
        "runner_up_distance": face.runner_up_distance,
        "first_s": face.spans[0][0] / 1000 if face.spans else face.best_ms / 1000,
        "last_s": face.spans[-1][1] / 1000 if face.spans else face.best_ms / 1000,
    }
