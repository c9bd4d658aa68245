"""Does it work for my people? The check of the gallery, as a page."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web
from markupsafe import Markup

from hybridsphere.errors import CannotRun
from hybridsphere.page.answer import page
from hybridsphere.page.render import View, as_csv, as_json
from hybridsphere.page.site import SITE, Site
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import TOLERANCE

_WITHIN_S = 300


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings about one gallery, a line each, and their picture as SVG."""

    digest: str
    lines: Sequence[str]
    picture: str


_CHECKED = web.AppKey("checked", dict[str, Checked])


async def show_check(request: web.Request) -> web.Response:
    """Show the findings about the gallery as it stands."""
    site = request.app[SITE]
    known = await asyncio.to_thread(site.people.current)
    fault, checked = known.fault, None
    if len(known.gallery):
        try:
            checked = await _checked(request.app, site, known.gallery)
        except CannotRun as error:
            fault = str(error)
    lines = checked.lines if checked else []
    findings = [_finding(line) for line in lines]
    context = {
        "findings": [one for one in findings if one[0] not in {"advice", "at risk", ""}],
        "risks": [text for word, text in findings if word == "at risk"],
        "advice": [text for word, text in findings if word == "advice"],
        "head": lines[0] if lines else "",
        # Our own drawing: every name in it is escaped there.
        "picture": Markup(checked.picture) if checked else "",  # noqa: S704
        "fault": fault,
        "place": known.place,
    }
    rows = [{"finding": word, "text": text} for word, text in findings]
    view = View("check", "Does it work for my people?", "check.html", context, rows)
    kind = request.path.rpartition(".")[2]
    if kind == "json":
        return as_json(view)
    return as_csv(view) if kind == "csv" else page(request, view)


async def _checked(app: web.Application, site: Site, gallery: Gallery) -> Checked:
    """Check a gallery, or return the findings of the last check of the same people."""
    kept = app[_CHECKED]
    if (last := kept.get("last")) and last.digest == gallery.digest:
        return last
    folder = await asyncio.to_thread(TemporaryDirectory, prefix="hybridsphere-")
    try:
        file, picture = Path(folder.name) / "gallery.npz", Path(folder.name) / "check.svg"
        await asyncio.to_thread(gallery.save, file)
        outcome = await site.aside.run(
            "check", _WITHIN_S, gallery=str(file), picture=str(picture), tolerance=TOLERANCE
        )
    finally:
        await asyncio.to_thread(folder.cleanup)
    found = Checked(gallery.digest, outcome["lines"], outcome["picture"])
    kept["last"] = found
    return found


def _finding(line: str) -> tuple[str, str]:
    """Split a line into its heading and its text."""
    if line.startswith("no advice on the tolerance: "):
        return "advice", f"No advice on the tolerance: {line.partition(': ')[2]}."
    word, colon, text = line.partition(": ")
    return (word, text) if colon else ("", line)


def add_checking(app: web.Application) -> None:
    app[_CHECKED] = {}
    for path in ("/check", "/check.json", "/check.csv"):
        app.router.add_get(path, show_check)
