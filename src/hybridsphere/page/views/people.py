"""People: everybody who is enrolled or was seen, with photographs, look-alike and last sighting."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from hybridsphere.page.faces import Faces
from hybridsphere.page.finder import NEWEST, find
from hybridsphere.page.known import Known
from hybridsphere.page.render import View, url
from hybridsphere.page.security import LARGEST_UPLOAD
from hybridsphere.page.site import Shelf
from hybridsphere.page.views.cards import cards, row
from hybridsphere.page.words import Wanted
from hybridsphere.recognition.space import TOLERANCE

SIGHTINGS = 60
"""Sightings on one page."""

PAGE = 60
"""People on one page."""


def people(shelf: Shelf, query: Mapping[str, str], done: Mapping[str, Any] | None = None) -> View:
    """List everybody by name; `done` is what came of an enrollment."""
    return _people(shelf.people.current(), everybody(shelf), shelf.faces, query, done)


def people_without_results(
    known: Known, query: Mapping[str, str], done: Mapping[str, Any] | None = None
) -> View:
    """List everybody who is enrolled, before the first result."""
    return _people(known, sorted(known.counts), None, query, done)


def _people(
    gallery: Known,
    everybody: Sequence[str],
    faces: Faces | None,
    query: Mapping[str, str],
    done: Mapping[str, Any] | None,
) -> View:
    wanted = query.get("q", "")[:200]
    names = [name for name in everybody if wanted.lower() in name.lower()]
    start = bisect_right(names, query.get("after", ""))
    chosen = names[start : start + PAGE]
    pictures = faces.best(chosen) if faces else {}
    persons = [_person(faces, gallery, name, pictures.get(name)) for name in chosen]
    more = len(names) > start + PAGE
    context = {
        "persons": persons,
        "count": len(names),
        "enrolled": len(gallery.counts),
        "q": wanted,
        "known": gallery,
        "done": done,
        "largest": LARGEST_UPLOAD,
        "names": names[:500],
        "next": url("/people", q=wanted, after=chosen[-1]) if more else "",
        "downloads": {kind: url(f"/people.{kind}", q=wanted) for kind in ("csv", "json")},
    }
    return View("people", "People", "people.html", context, persons, {"count": len(names)})


def person(shelf: Shelf, query: Mapping[str, str]) -> View:
    """Show where one person was seen."""
    name = query.get("name", "")[:300]
    gallery = shelf.people.current()
    seen = shelf.faces.find(person=name, most=SIGHTINGS) if shelf.faces and name else []
    places = shelf.faces.keys(seen) if shelf.faces else {}
    found = find(shelf.archive, shelf.index, Wanted(person=name), NEWEST, 24)
    picture = shelf.faces.best([name]).get(name) if shelf.faces else None
    context = {
        "name": name,
        "about": _person(shelf.faces, gallery, name, picture),
        "known": gallery,
        "names": everybody(shelf)[:500],
        "seen": [
            (face, key, url("/video", key=key, version=version))
            for face in seen
            for key, version in [places.get(face.video, ("", ""))]
        ],
        "cards": cards(shelf, found.entries),
        "more": url("/videos", person=name) if found.before else "",
    }
    return View("person", name, "person.html", context, [row(entry) for entry in found.entries])


def everybody(shelf: Shelf) -> list[str]:
    """List everybody who is enrolled or was seen, by name."""
    return sorted({*shelf.people.current().counts, *known(shelf)})


def known(shelf: Shelf) -> list[str]:
    """List everybody who was seen: from memory, else from the latest results."""
    if shelf.faces:
        return shelf.faces.persons(5000)
    latest = shelf.archive.latest(NEWEST, 1000)
    return sorted({name for entry in latest for name in entry.names if name})


def _person(faces: Faces | None, gallery: Known, name: str, picture: int | None) -> dict[str, Any]:
    seen = faces.find(person=name, most=1) if faces else []
    like, until = gallery.like.get(name), gallery.until(name)
    return {
        "name": name,
        "photographs": gallery.counts.get(name, 0),
        "like": like.other if like else "",
        "distance": round(like.distance, 2) if like else None,
        "alike": like is not None and like.distance <= TOLERANCE,
        "consent_until": until.isoformat() if until else "",
        "consent_ended": until is not None and until < _today(),
        "face": picture,
        "last": seen[0].at if seen else "",
        "address": url("/person", name=name),
    }


def _today() -> date:
    return datetime.now(UTC).date()
