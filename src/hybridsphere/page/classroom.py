"""The class list that somebody sends, and the sheet as a workbook."""

import asyncio
import io

from aiohttp import web
from aiohttp.web_request import FileField

from hybridsphere.commands.sheet.book import write_book
from hybridsphere.errors import CannotRun
from hybridsphere.page import audit
from hybridsphere.page.passwords import Role
from hybridsphere.page.render import attachment, url
from hybridsphere.page.rosters import save_roster
from hybridsphere.page.security import require
from hybridsphere.page.site import SITE, Shelf
from hybridsphere.page.views.classes import asked_by, sheet_of

_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def take_roster(request: web.Request) -> web.Response:
    """Keep a class list, and show its sheet."""
    visitor = require(request, Role.EDITOR)
    site, file = request.app[SITE], (await request.post()).get("roster")
    if not isinstance(file, FileField):
        raise web.HTTPUnprocessableEntity(text="Choose a file: a CSV with a column `name`.")
    content = file.file.read()
    try:
        name = await asyncio.to_thread(
            save_roster, site.settings.results_dir, file.filename, content
        )
    except CannotRun as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from error
    await audit.note(site, "class list", visitor.name, {"bytes": len(content)})
    raise web.HTTPSeeOther(url("/class", roster=name))


async def workbook(request: web.Request) -> web.Response:
    """Send the sheet as a workbook."""

    def write(shelf: Shelf) -> bytes:
        out = io.BytesIO()
        write_book(sheet_of(shelf, asked_by(request.query)), out)
        return out.getvalue()

    try:
        content = await request.app[SITE].read(write)
    except CannotRun as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from error
    name = f"{asked_by(request.query)['roster'] or 'attendance'}.xlsx"
    headers = {"Content-Disposition": attachment(name), "Content-Type": _KIND}
    return web.Response(body=content, headers=headers)


def add_classroom(app: web.Application) -> None:
    app.router.add_post("/class/roster", take_roster)
    app.router.add_get("/class.xlsx", workbook)
