"""Cards: an upload as a picture, a name, a word."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hybridsphere.memory.face import Face
from hybridsphere.memory.jpeg import jpeg_size
from hybridsphere.page.archive import Entry
from hybridsphere.page.render import duration, url
from hybridsphere.page.site import Shelf
from hybridsphere.page.views.words import STATUS, TONE, advice, certainty, headline

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Picture:
    """The scene of a video: its address, its size in pixels, and the boxes of the faces in it.

    A box is left, top, width and height in pixels, and whether nobody knows the face.
    """

    address: str
    width: int
    height: int
    boxes: list[tuple[Box, bool]]


@dataclass(frozen=True, slots=True)
class Card:
    """The texts and the picture of a card."""

    key: str
    address: str
    title: str
    word: str
    tone: str
    scene: Picture | None
    at_ms: int | None
    when: str
    took: str
    hint: str
    corrected: bool


def cards(shelf: Shelf, entries: Iterable[Entry]) -> list[Card]:
    """Make the cards of some uploads."""
    return [card(shelf, entry) for entry in entries]


def card(shelf: Shelf, entry: Entry) -> Card:
    upload = entry.upload
    video = shelf.faces.number_of(entry) if shelf.faces else None
    faces = shelf.faces.of_video(video, 40) if shelf.faces and video is not None else []
    best = faces[0] if faces else None
    word, tone = _word(entry, best)
    return Card(
        key=upload.key,
        address=url("/video", key=upload.key, version=upload.version),
        title=headline(entry),
        word=word,
        tone=tone,
        scene=picture(shelf, video, faces),
        at_ms=best.best_ms if best else None,
        when=upload.stored_at or upload.created_at,
        took=took(entry),
        hint=advice(entry),
        corrected=any(face.said is not None for face in faces),
    )


def picture(shelf: Shelf, video: int | None, faces: Sequence[Face]) -> Picture | None:
    """Find the scene of a video, and draw its faces; None without a picture."""
    scene = shelf.faces.scene(video) if shelf.faces and video is not None and faces else None
    size = jpeg_size(scene.jpeg) if scene else None
    if size is None:
        return None
    width, height = size
    boxes = []
    for face in faces:
        left, top, right, bottom = face.box
        box = (left * width, top * height, (right - left) * width, (bottom - top) * height)
        boxes.append(((*(round(part, 1) for part in box),), not face.person))
    return Picture(f"/pictures/scene/{video}", width, height, boxes)  # type: ignore[arg-type]


def took(entry: Entry) -> str:
    """Say how long it took from the upload to the result."""
    upload = entry.upload
    if not upload.stored_at:
        return ""
    # The event's time may come from a clock in another zone.
    began = upload.received_at or upload.started_at or upload.created_at
    passed = datetime.fromisoformat(upload.stored_at) - datetime.fromisoformat(began)
    return duration(max(0.0, passed.total_seconds()))


def row(entry: Entry) -> Mapping[str, Any]:
    """Write an upload as a row of a table."""
    upload = entry.upload
    return {
        "key": upload.key,
        "version": upload.version,
        "status": entry.status or "waiting",
        "people": list(entry.names),
        "reason": upload.reason,
        "created_at": upload.created_at,
        "stored_at": upload.stored_at,
    }


def _word(entry: Entry, best: Face | None) -> tuple[str, str]:
    word: str | None = None
    if entry.status == "matched":
        word = certainty(best) if best and best.person else None
        word = word or next(iter(entry.people), {}).get("certainty")
    if entry.status == "unknown_face" and best and best.group:
        return f"unknown {best.group}", "unknown"
    if word and word in TONE:
        return word, TONE[word]
    return STATUS.get(entry.status, "done"), TONE.get(entry.status, "soft")
