"""Another name for a person, the end of a consent, and forgetting: the changes of one person."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any

from aiohttp import web

from hybridsphere.commands.gallery_place import change_gallery
from hybridsphere.errors import CannotRun
from hybridsphere.page import audit
from hybridsphere.page.answer import page
from hybridsphere.page.passwords import Role
from hybridsphere.page.photographs import name_of
from hybridsphere.page.render import View, url
from hybridsphere.page.security import require
from hybridsphere.page.site import SITE, Shelf, Site
from hybridsphere.page.views.people import everybody

_RENAME_S = 600
_FORGET_S = 1800

PLACES = {
    "faces": "faces, with pictures",
    "mistaken_faces": "faces that the machine took for them",
    "scenes": "pictures of scenes",
    "words": "corrections that name them",
    "groups": "names of groups",
    "records": "student records",
    "results": "results",
    "files": "files",
    "objects": "objects in the output bucket",
    "gallery_faces": "photographs enrolled",
    "gallery_versions": "versions of the gallery",
    "students": "records in the table of students",
}
"""The counts of `hybridsphere forget`, in words."""


async def rename(request: web.Request) -> web.Response:
    """Give a person another name; a name that somebody has already must be confirmed."""
    visitor = require(request, Role.EDITOR)
    site, form = request.app[SITE], await request.post()
    old, new = str(form.get("name", "")), name_of(str(form.get("new", "")))
    names = await site.read(everybody)
    if old not in names:
        raise web.HTTPUnprocessableEntity(text="Nobody has that name here.")
    if new == old:
        raise web.HTTPUnprocessableEntity(text="That is the name already.")
    if new in names and form.get("merge") != "yes":
        return await _ask_to_merge(request, site, old, new)
    done = await _aside(site, "rename", _RENAME_S, old=old, new=new, by=visitor.name)
    site.people.renew()
    await audit.note(site, "merged" if new in names else "renamed", visitor.name, done)
    await site.observer.announce()
    raise web.HTTPSeeOther(url("/person", name=new))


async def consent(request: web.Request) -> web.Response:
    """Set the last day on which a person may be compared with faces, or remove the end."""
    visitor = require(request, Role.EDITOR)
    site, form = request.app[SITE], await request.post()
    name, text = str(form.get("name", "")), str(form.get("until", ""))
    try:
        until = date.fromisoformat(text) if text else None
    except ValueError:
        raise web.HTTPUnprocessableEntity(text="This is no day.") from None
    place = site.settings.gallery
    if not place:
        raise web.HTTPUnprocessableEntity(text="No gallery is named.")
    if name not in (await asyncio.to_thread(site.people.current)).counts:
        raise web.HTTPUnprocessableEntity(text="Nobody of that name is enrolled.")
    try:
        change = change_gallery(place, lambda known: known.with_consent(name, until))
        await asyncio.to_thread(asyncio.run, change)
    except (CannotRun, OSError) as error:
        raise web.HTTPUnprocessableEntity(text=sentence(str(error))) from error
    site.people.renew()
    await audit.note(site, "consent", visitor.name, {"until": text})
    await site.observer.announce()
    raise web.HTTPSeeOther(url("/person", name=name))


async def forget(request: web.Request) -> web.Response:
    """Show everything kept of a person; take it away once the name has been typed again."""
    visitor = require(request, Role.OPERATOR)
    site, form = request.app[SITE], await request.post()
    name, typed = str(form.get("name", "")), form.get("typed")
    if typed is None:
        found = await _aside(site, "forget", _FORGET_S, name=name, yes=False, students=False)
        return _forget_answer(request, name, found)
    if str(typed).strip() != name:
        raise web.HTTPUnprocessableEntity(
            text="The name was not typed as it stands, so nothing was taken away."
        )
    students = form.get("students") == "yes"
    done = await _aside(site, "forget", _FORGET_S, name=name, yes=True, students=students)
    site.people.renew()
    counts = {place: count for place, count in done["found"].items() if count}
    await audit.note(site, "forgotten", visitor.name, counts)
    await site.observer.announce()
    return _forget_answer(request, name, done)


def sentence(text: str) -> str:
    """Write a reason as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."


async def _ask_to_merge(request: web.Request, site: Site, old: str, new: str) -> web.Response:
    """Show what a merger brings together: it cannot be taken back."""

    def read(shelf: Shelf) -> View:
        counts = shelf.people.current().counts
        both = [
            {
                "name": name,
                "photographs": counts.get(name, 0),
                "faces": shelf.faces.count_of(name) if shelf.faces else 0,
                "face": shelf.faces.best([name]).get(name) if shelf.faces else None,
            }
            for name in (old, new)
        ]
        context = {"old": old, "new": new, "both": both}
        return View("merge", f"{old} and {new}", "merge.html", context, both)

    return page(request, await site.read(read))


async def _aside(site: Site, work: str, seconds: int, **task: Any) -> dict[str, Any]:
    try:
        return await site.aside.run(work, seconds, **task)
    except CannotRun as error:
        raise web.HTTPUnprocessableEntity(text=sentence(str(error))) from error


def _forget_answer(request: web.Request, name: str, found: Mapping[str, Any]) -> web.Response:
    if "text/html" not in request.headers.get("Accept", ""):
        return web.json_response(found)
    counts = [(PLACES.get(place, place), count) for place, count in found["found"].items() if count]
    context = {
        "name": name,
        "counts": counts,
        "students": found["found"].get("students", 0),
        "keys": found.get("keys", 0),
        "waiting": found.get("waiting", 0),
        "searched": found.get("searched"),
        "left": found.get("left", []),
        "lines": found.get("lines", []),
    }
    return page(request, View("forget", f"Forget {name}", "forget.html", context))


def add_changing(app: web.Application) -> None:
    app.router.add_post("/person/rename", rename)
    app.router.add_post("/person/consent", consent)
    app.router.add_post("/person/forget", forget)
