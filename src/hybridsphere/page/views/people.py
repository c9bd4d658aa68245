"""People: everybody who was seen, and where."""

from collections.abc import Mapping

from hybridsphere.page.finder import NEWEST, find
from hybridsphere.page.render import View, url
from hybridsphere.page.site import Shelf
from hybridsphere.page.views.cards import cards, row
from hybridsphere.page.words import Wanted

SIGHTINGS = 60
"""Sightings on one page."""


def people(shelf: Shelf, query: Mapping[str, str]) -> View:
    """List everybody, with a picture and the latest sighting."""
    wanted = query.get("q", "")[:200].lower()
    names = [name for name in known(shelf) if wanted in name.lower()]
    persons = []
    for name in names[:300]:
        seen = shelf.faces.find(person=name, most=1) if shelf.faces else []
        persons.append(
            {
                "name": name,
                "face": seen[0].id if seen else None,
                "last": seen[0].at if seen else "",
                "address": url("/person", name=name),
            }
        )
    context = {"persons": persons, "count": len(names), "q": query.get("q", "")[:200]}
    return View("people", "People", "people.html", context, persons)


def person(shelf: Shelf, query: Mapping[str, str]) -> View:
    """Show where one person was seen."""
    name = query.get("name", "")[:300]
    seen = shelf.faces.find(person=name, most=SIGHTINGS) if shelf.faces and name else []
    places = shelf.faces.keys(seen) if shelf.faces else {}
    found = find(shelf.archive, shelf.index, Wanted(person=name), NEWEST, 24)
    context = {
        "name": name,
        "seen": [
            (face, key, url("/video", key=key, version=version))
            for face in seen
            for key, version in [places.get(face.video, ("", ""))]
        ],
        "cards": cards(shelf, found.entries),
        "more": url("/videos", person=name) if found.before else "",
    }
    return View("person", name, "person.html", context, [row(entry) for entry in found.entries])


def known(shelf: Shelf) -> list[str]:
    """List everybody who was seen: from memory, else from the latest results."""
    if shelf.faces:
        return shelf.faces.persons(5000)
    latest = shelf.archive.latest(NEWEST, 1000)
    return sorted({name for entry in latest for name in entry.names if name})
