"""Another look at the unknown, after somebody was enrolled: first the outcome, then the names."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hybridsphere.errors import CannotRun
from hybridsphere.page import audit
from hybridsphere.page.answer import page
from hybridsphere.page.changing import sentence
from hybridsphere.page.passwords import Role
from hybridsphere.page.render import View, url
from hybridsphere.page.security import require
from hybridsphere.page.site import SITE

_WITHIN_S = 900
_SHOWN = 12


async def look_again(request: web.Request) -> web.Response:
    """Show the unknown faces that the gallery knows by now; name them once that is confirmed."""
    visitor = require(request, Role.EDITOR)
    site, form = request.app[SITE], await request.post()
    apply = form.get("apply") == "yes"
    if not site.settings.gallery:
        raise web.HTTPUnprocessableEntity(
            text="No gallery is named: HYBRIDSPHERE_GALLERY gives the page its place."
        )
    try:
        found = await site.aside.run("look_again", _WITHIN_S, apply=apply, by=visitor.name)
    except CannotRun as error:
        raise web.HTTPUnprocessableEntity(text=sentence(str(error))) from error
    if apply:
        await audit.note(site, "looked again", visitor.name, found)
        await site.observer.announce()
    if "text/html" not in request.headers.get("Accept", ""):
        return web.json_response(found)
    context = {"done": apply, "found": found, "people": [] if apply else _people(found["changes"])}
    return page(request, View("again", "Look again", "again.html", context))


def _people(changes: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Gather changes by the name that faces would get."""
    by_name: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for change in changes:
        by_name[change["to"]].append(change)
    return [
        {
            "name": name,
            "count": len(found),
            "videos": len({(one["key"], one["version"]) for one in found}),
            "faces": [
                (one, url("/video", key=one["key"], version=one["version"]))
                for one in sorted(found, key=lambda one: one["distance"] or 0.0)[:_SHOWN]
            ],
        }
        for name, found in sorted(by_name.items())
    ]


def add_again(app: web.Application) -> None:
    app.router.add_post("/unknown/again", look_again)
