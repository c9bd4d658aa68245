"""Replay from the page: one upload, all failed ones, or the dead letters."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hybridsphere.commands.replay.choice import Choice
from hybridsphere.commands.replay.letters import replay_letters
from hybridsphere.commands.replay.uploads import Outcome, replay_uploads
from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.page import audit
from hybridsphere.page.passwords import Role
from hybridsphere.page.security import require
from hybridsphere.page.site import SITE, Site


@dataclass(frozen=True, slots=True)
class One(Choice):
    """A single version of an upload."""

    bucket: str = ""
    version: str = ""

    def of(self, ledger: Ledger) -> Iterator[Upload]:
        if upload := ledger.upload(self.bucket, self.key, self.version):
            yield upload


async def replay(request: web.Request) -> web.Response:
    """Replay what a form names, and say what became of it."""
    visitor = require(request, Role.OPERATOR)
    site, form = request.app[SITE], await request.post()
    outcome = Outcome()
    what = str(form.get("what", ""))
    bucket = await site.read(lambda shelf: shelf.bucket)
    choices = {
        "one": One(key=str(form.get("key")), version=str(form.get("version")), bucket=bucket),
        "failed": Choice(statuses=("failed",)),
    }
    try:
        if what == "letters":
            await _apart(_letters(site, outcome))
        elif what in choices:
            await _apart(replay_uploads(site.settings, choices[what], outcome))
        else:
            raise web.HTTPUnprocessableEntity(text="There is nothing of that kind to replay.")
    except CannotRun as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from error
    await audit.note(site, f"replay {what}", visitor.name, {"sent": outcome.sent})
    await site.observer.announce()
    if "text/html" in request.headers.get("Accept", ""):
        raise web.HTTPSeeOther("/system")
    return web.json_response({"text": _words(outcome)})


async def _letters(site: Site, outcome: Outcome) -> None:
    with Ledger.read(site.settings.results_dir) as ledger:
        await replay_letters(site.settings, outcome, ledger)


async def _apart(work: Coroutine[Any, Any, None]) -> None:
    """Run work in another thread and loop, since it reads and writes files between its calls."""
    await asyncio.to_thread(asyncio.run, work)


def _words(outcome: Outcome) -> str:
    until = outcome.hidden_until[11:16]
    sent = "1 is" if outcome.sent == 1 else f"{outcome.sent} are"
    left = "; ".join(f"{count} not: {why}" for why, count in outcome.left.most_common(3))
    held = f" Another replay holds {outcome.hidden} until {until} UTC." if outcome.hidden else ""
    return f"{sent} on the way again.{f' {left}.' if left else ''}{held}"


def add_replaying(app: web.Application) -> None:
    app.router.add_post("/replay", replay)
