"""Enroll people by photographs, and search by one."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from hybridsphere.commands.gallery_place import change_gallery
from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import LedgerError
from hybridsphere.page import audit
from hybridsphere.page.answer import page
from hybridsphere.page.changing import sentence
from hybridsphere.page.known import Known
from hybridsphere.page.passwords import Role
from hybridsphere.page.photographs import Examined, Photograph, examine, photographs_of
from hybridsphere.page.render import View
from hybridsphere.page.security import require
from hybridsphere.page.site import SITE, Shelf, Site
from hybridsphere.page.views.found import found_by_photograph
from hybridsphere.page.views.people import people, people_without_results
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import TOLERANCE


async def enroll(request: web.Request) -> web.Response:
    """Add the people of photographs to the gallery, and show what came of each file."""
    visitor = require(request, Role.EDITOR)
    site = request.app[SITE]
    place = site.settings.gallery
    if not place:
        raise web.HTTPUnprocessableEntity(
            text="No gallery is named: HYBRIDSPHERE_GALLERY gives the page its place."
        )
    examined = await _examined(site, await _sent(request))
    new = examined.gallery
    try:
        await asyncio.to_thread(asyncio.run, change_gallery(place, lambda known: known.plus(new)))
    except (CannotRun, OSError) as error:
        raise web.HTTPUnprocessableEntity(text=sentence(str(error))) from error
    site.people.renew()
    counts = {"people": len(set(new.names)), "photographs": len(new)}
    await audit.note(site, "enrolled", visitor.name, counts)
    await site.observer.announce()
    known = await asyncio.to_thread(site.people.current)
    done = {
        "text": _words(counts),
        "people": dict(Counter(new.names)),
        "remarks": [{"file": file, "text": text} for file, text in examined.remarks],
        "alike": _alike(known, new),
    }
    if "text/html" not in request.headers.get("Accept", ""):
        return web.json_response(done)
    try:
        view = await site.read(lambda shelf: people(shelf, {}, done))
    except LedgerError:
        view = people_without_results(known, {}, done)
    return page(request, view)


async def search(request: web.Request) -> web.Response:
    """Show who a photograph resembles, and the kept faces that it matches; it is not kept."""
    visitor = require(request, Role.EDITOR)
    site = request.app[SITE]
    photographs = [Photograph(one.file, "photograph", one.content) for one in await _sent(request)]
    examined = await _examined(site, photographs)

    def find(shelf: Shelf) -> View:
        return found_by_photograph(shelf, examined.gallery, examined.remarks, time.monotonic())

    view = await site.read(find)
    await audit.note(site, "searched by photograph", visitor.name, {"photographs": examined.sent})
    if "text/html" not in request.headers.get("Accept", ""):
        return web.json_response({**view.about, "rows": list(view.rows)})
    return page(request, view)


async def _sent(request: web.Request) -> Sequence[Photograph]:
    form = await request.post()
    return photographs_of({"name": form.get("name", "")}, form.getall("photos", []))


async def _examined(site: Site, photographs: Sequence[Photograph]) -> Examined:
    known = await asyncio.to_thread(site.people.current)
    engine = known.gallery.space.engine if len(known.gallery) else ""
    try:
        return await examine(site, photographs, engine)
    except CannotRun as error:
        raise web.HTTPUnprocessableEntity(text=sentence(str(error))) from error


def _words(counts: Mapping[str, int]) -> str:
    photographs, people = counts["photographs"], counts["people"]
    taken = "One photograph" if photographs == 1 else f"{photographs} photographs"
    return f"{taken} of {'one person' if people == 1 else f'{people} people'} enrolled."


def _alike(known: Known, new: Gallery) -> list[dict[str, Any]]:
    """List the new people who may be mistaken for somebody."""
    pairs = [known.like[name] for name in dict.fromkeys(new.names) if name in known.like]
    return [
        {"name": pair.one, "like": pair.other, "distance": round(pair.distance, 2)}
        for pair in pairs
        if pair.distance <= TOLERANCE
    ]


def add_enrolling(app: web.Application) -> None:
    app.router.add_post("/people/enroll", enroll)
    app.router.add_post("/people/search", search)
