"""The outcome of a search by a photograph: the people it resembles, and kept faces."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from hybridsphere.memory.face import Face
from hybridsphere.memory.kept import kept_of
from hybridsphere.memory.video import Video
from hybridsphere.page.render import View, url
from hybridsphere.page.site import Shelf
from hybridsphere.recognition.decision import FaceAnswer, answer_of, identities_of
from hybridsphere.recognition.gallery import Gallery, Match
from hybridsphere.recognition.identity import Identity
from hybridsphere.recognition.rule import rule_of
from hybridsphere.recognition.space import TOLERANCE

MOST = 120
"""Faces that are shown."""

MOST_S = 4.0
"""Time that a search takes; it begins with the newest videos."""

_PEOPLE = 5
_PAGE = 200


def found_by_photograph(
    shelf: Shelf, photograph: Gallery, remarks: Sequence[tuple[str, str]], began: float
) -> View:
    """Compare a photograph with the gallery, and with kept faces, by the rule of recognition."""
    known = shelf.people.current()
    comparable = known.gallery.space == photograph.space
    found, searched, until = _faces(shelf, photograph, began + MOST_S)
    likest = _likest(known.gallery, photograph) if comparable else []
    name, certainty = _answer(known.gallery, photograph) if comparable else (None, "")
    context = {
        "name": name,
        "certainty": certainty,
        "likest": [(match, url("/person", name=match.name)) for match in likest],
        "tolerance": TOLERANCE,
        "enrolled": len(known.counts),
        "remarks": remarks,
        "found": found,
        "searched": searched,
        "until": until,
    }
    rows = [_row(face, video, answer) for face, video, answer, _ in found]
    about = {
        "name": name,
        "certainty": certainty,
        "likest": [{"name": one.name, "distance": round(one.distance, 3)} for one in likest],
        "searched": searched,
        "until": until,
    }
    return View("found", "Search by photograph", "found.html", context, rows, about)


def _answer(gallery: Gallery, photograph: Gallery) -> tuple[str | None, str]:
    """Decide who the photographs show, as the function decides about a face."""
    identity = Identity(gallery, TOLERANCE)
    for at, row in enumerate(photograph.embeddings):
        identity.add(row, float(at))
    person = identity.person()
    return (person.name, identity.certainty()) if person else (None, "")


def _likest(gallery: Gallery, photograph: Gallery) -> list[Match]:
    """List the people that the photographs resemble most, beyond the tolerance too."""
    reach = rule_of(gallery.space.engine).range(TOLERANCE)
    nearest: dict[str, Match] = {}
    for row in photograph.embeddings:
        for match in gallery.matches(row, reach):
            if match.name not in nearest or match.distance < nearest[match.name].distance:
                nearest[match.name] = match
    return sorted(nearest.values(), key=lambda match: match.distance)[:_PEOPLE]


_Found = tuple[Face, Video, FaceAnswer, str]


def _faces(shelf: Shelf, photograph: Gallery, end: float) -> tuple[list[_Found], int, str]:
    """Find the kept faces that the photograph matches, how many were compared, and since when.

    The moment is empty where every video was searched.
    """
    found: list[_Found] = []
    searched = 0
    for videos in _pages(shelf):
        ours = [
            one
            for one in videos
            if (one.engine, one.digest) == (photograph.space.engine, photograph.space.digest)
        ]
        kept = [
            (face, one.video)
            for one in (kept_of(shelf.faces, ours) if shelf.faces else [])
            for face in one.faces
            if face.looks is not None
        ]
        looks = [face.looks for face, _ in kept if face.looks is not None]
        searched += len(looks)
        for identity, (face, video) in zip(
            identities_of(photograph, TOLERANCE, looks), kept, strict=True
        ):
            answer = answer_of(identity)
            if answer.name is not None:
                address = url("/video", key=video.key, version=video.version)
                found.append((face.face, video, answer, address))
        if time.monotonic() > end:
            return _best(found), searched, videos[-1].event_time
    return _best(found), searched, ""


def _pages(shelf: Shelf) -> Iterator[list[Video]]:
    before = ("~", 1 << 62)
    while shelf.faces and (videos := shelf.faces.newest_videos(before, _PAGE)):
        yield videos
        before = (videos[-1].event_time, videos[-1].id)


def _best(found: list[_Found]) -> list[_Found]:
    return sorted(found, key=lambda one: one[2].distance or 0.0)[:MOST]


def _row(face: Face, video: Video, answer: FaceAnswer) -> dict[str, Any]:
    return {
        "face": face.id,
        "person": face.person,
        "key": video.key,
        "version": video.version,
        "at_ms": face.best_ms,
        "uploaded": video.event_time,
        "distance": answer.distance,
        "certainty": answer.certainty,
    }
