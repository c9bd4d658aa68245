"""Judgements: each word of a person is recorded, takes effect, and can be taken back."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from aiohttp import web

from hybridsphere.errors import CannotRun
from hybridsphere.messages import UnusableName
from hybridsphere.page import audit
from hybridsphere.page.deriving import derive
from hybridsphere.page.faces import Faces
from hybridsphere.page.passwords import Role
from hybridsphere.page.security import require
from hybridsphere.page.site import SITE, Site

Said = dict[str, Any]
"""The answer to a word: `text` for people, and the ids that an undo needs."""

Work = Callable[[Faces, Mapping[str, str], str], Said]


log = structlog.get_logger()


class NotSaid(Exception):
    """A word that cannot be taken: the text says why."""


def _face(memory: Faces, form: Mapping[str, str]) -> tuple[int, int]:
    """Find the face of a form and its video. Raises NotSaid."""
    number = form.get("face", "")
    face = memory.face(int(number)) if number.isdecimal() and len(number) < 19 else None
    if face is None:
        raise NotSaid("That face is no longer kept.")
    return face.id, face.video


def _name(memory: Faces, form: Mapping[str, str]) -> str:
    """Read a name; a known person's name in other capitals, or with blanks, is that person's."""
    name = form.get("name", "").strip()
    if not name:
        raise NotSaid("Enter a name.")
    known = {_folded(person): person for person in memory.persons(5000)}
    return known.get(_folded(name), name)


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _is(memory: Faces, form: Mapping[str, str], by: str) -> Said:
    face, video = _face(memory, form)
    name = _name(memory, form)
    memory.judgements.say("is", by=by, video=video, face=face, name=name)
    return {"text": f"This is {name}.", "face": face}


def _is_not(memory: Faces, form: Mapping[str, str], by: str) -> Said:
    face, video = _face(memory, form)
    name = _name(memory, form)
    memory.judgements.say("is_not", by=by, video=video, face=face, name=name)
    return {"text": f"This is not {name}.", "face": face}


def _nobody(memory: Faces, form: Mapping[str, str], by: str) -> Said:
    face, video = _face(memory, form)
    memory.judgements.say("nobody", by=by, video=video, face=face)
    return {"text": "This is not a person.", "face": face}


def _same(memory: Faces, form: Mapping[str, str], by: str) -> Said:
    face, video = _face(memory, form)
    other, _ = _face(memory, {"face": form.get("other", "")})
    memory.judgements.say("same", by=by, video=video, face=face, other=other)
    return {"text": "Both faces are the same person.", "face": face}


def _undo(memory: Faces, form: Mapping[str, str], by: str) -> Said:
    face, video = _face(memory, form)
    last = memory.judgements.last(video, face)
    if last is None:
        raise NotSaid("Nobody has said anything of this face.")
    memory.judgements.take_back(last, by=by)
    return {"text": "Taken back."}


def _group(form: Mapping[str, str]) -> int:
    number = form.get("group", "")
    if not number.isdecimal() or len(number) > 18:
        raise NotSaid("There is no such group.")
    return int(number)


def _name_group(memory: Faces, form: Mapping[str, str], by: str) -> Said:
    group, name = memory.grouping.current(_group(form)), _name(memory, form)
    faces = memory.judgements.name_group(group, name, by=by) if group else []
    if not faces:
        raise NotSaid("This group has no unknown face any more.")
    times = "once" if len(faces) == 1 else f"{len(faces)} times"
    return {"text": f"{name}, seen {times}.", "group": group}


def _unname_group(memory: Faces, form: Mapping[str, str], by: str) -> Said:
    if not memory.judgements.unname_group(_group(form), by=by):
        raise NotSaid("This group has no name to take back.")
    return {"text": "Taken back."}


WORDS: dict[str, Work] = {
    "is": _is,
    "is_not": _is_not,
    "nobody": _nobody,
    "same": _same,
    "undo": _undo,
    "name_group": _name_group,
    "unname_group": _unname_group,
}


async def judge(request: web.Request) -> web.Response:
    """Take a word; answer a script with JSON, a form with the page it came from."""
    visitor = require(request, Role.EDITOR)
    site = request.app[SITE]
    form = {name: str(value) for name, value in (await request.post()).items()}
    work = WORDS.get(request.match_info["word"])
    if work is None:
        raise web.HTTPNotFound(text="There is no such word.")
    try:
        said = await asyncio.to_thread(_say, site, work, form, visitor.name)
    except (NotSaid, UnusableName, CannotRun) as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from error
    ids: dict[str, object] = {
        name: form[name] for name in ("face", "group", "other") if name in form
    }
    await audit.note(site, f"said {request.match_info['word']}", visitor.name, ids)
    await site.observer.announce()
    if "text/html" in request.headers.get("Accept", ""):
        raise web.HTTPSeeOther(_back(form.get("back", "")))
    return web.json_response(said)


def _say(site: Site, work: Work, form: Mapping[str, str], by: str) -> Said:
    with Faces.open(site.settings.results_dir) as memory:
        with memory.transaction():
            said = work(memory, form, by)
        try:
            derive(site, memory)
        except (CannotRun, OSError, sqlite3.Error) as error:
            # The word is recorded; `keep_deriving` goes on, and a repeated undo would undo another.
            log.warning("answers.late", reason=str(error))
            said["text"] = f"{said['text']} The answer follows later."
        return said


def _back(path: str) -> str:
    """Return to a view of this page, never to another site."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if safe else "/"


def add_judging(app: web.Application) -> None:
    app.router.add_post(r"/say/{word:[a-z_]{1,20}}", judge)
