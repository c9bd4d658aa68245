"""Class: a roster by session, with a link to every video behind a mark."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, cast

from hybridsphere.commands.roster import StudentRecord
from hybridsphere.commands.sheet import texts
from hybridsphere.commands.sheet.sessions import Session, SessionBy, Sessions, session_name
from hybridsphere.commands.sheet.sheet import Line, Sheet
from hybridsphere.commands.sheet.video import video_of
from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import Upload
from hybridsphere.messages import utc_text
from hybridsphere.page.archive import Archive
from hybridsphere.page.finder import NEWEST
from hybridsphere.page.render import View, url
from hybridsphere.page.rosters import read_roster, roster_names
from hybridsphere.page.site import Shelf
from hybridsphere.page.views.people import known

DAYS = 31
"""The period of a sheet, where nobody asks for another."""

MOST_UPLOADS = 20_000
"""Uploads that one sheet looks at, the newest first."""

LATE_AFTER_S = 600.0

_MOST_SHOWN = 500


def classes(shelf: Shelf, query: Mapping[str, str]) -> View:
    """Show the sheet of a roster; without one, of everybody who was seen."""
    asked = asked_by(query)
    fault = ""
    try:
        sheet = sheet_of(shelf, asked)
    except CannotRun as error:
        fault, sheet = str(error), Sheet([], Sessions(), LATE_AFTER_S)
    lines = list(sheet.lines())
    context = {
        "asked": asked,
        "rosters": roster_names(shelf.settings.results_dir),
        "fault": fault,
        "sessions": [(heading(session), session) for session in sheet.sessions],
        "lines": [_line(line, asked) for line in lines[:_MOST_SHOWN]],
        "left_out": max(0, len(lines) - _MOST_SHOWN),
        "downloads": {kind: url(f"/class.{kind}", **asked) for kind in ("xlsx", "csv", "json")},
    }
    return View("class", "Class", "class.html", context, list(_rows(sheet)), {"asked": asked})


def sheet_of(shelf: Shelf, asked: Mapping[str, str]) -> Sheet:
    """Put the sheet together. Raises CannotRun for a roster that cannot be read."""
    students = read_roster(shelf.settings.results_dir, asked["roster"])
    if students is None:
        students = [StudentRecord(name, "", "") for name in known(shelf)]
    name_of = session_name(cast("SessionBy", asked["by"]), None)
    sessions = Sessions()
    for upload in _uploads(shelf.archive, asked):
        if upload.effective_status is not None:
            sessions.add(name_of(upload), video_of(upload))
    return Sheet(students, sessions, LATE_AFTER_S)


def heading(session: Session) -> str:
    name = session.name
    return f"{name:%a} {name.day} {name:%b}" if isinstance(name, date) else name


def asked_by(query: Mapping[str, str]) -> dict[str, str]:
    since = _day(query.get("from", "")) or date.today() - timedelta(days=DAYS)  # noqa: DTZ011 - local
    until = _day(query.get("to", ""))
    return {
        "roster": query.get("roster", "")[:60],
        "by": "prefix" if query.get("by") == "prefix" else "date",
        "key": query.get("key", "")[:200],
        "from": since.isoformat(),
        "to": until.isoformat() if until else "",
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(day: date) -> str:
    return utc_text(datetime(day.year, day.month, day.day).astimezone())


def _uploads(archive: Archive, asked: Mapping[str, str]) -> Iterator[Upload]:
    """Go through the newest upload of each key in the period."""
    first = archive.first_row_since(_moment(date.fromisoformat(asked["from"])))
    before = NEWEST
    if asked["to"]:
        until = date.fromisoformat(asked["to"]) + timedelta(days=1)
        before = archive.first_row_since(_moment(until))
    seen: set[str] = set()
    looked_at = 0
    while page := archive.latest(before, 500):
        for entry in page:
            looked_at += 1
            if entry.row < first or looked_at > MOST_UPLOADS:
                return
            key = entry.upload.key
            if key.startswith(asked["key"]) and key not in seen:
                seen.add(key)
                yield entry.upload
        before = page[-1].row


def _line(line: Line, asked: Mapping[str, str]) -> dict[str, Any]:
    """Describe a person's line: a mark a session, and the totals in words."""
    count = line.count()
    held = len(line.entries)
    came = count["present"] + count["late"]
    late = f", late {_times(count['late'])}" if count["late"] else ""
    return {
        "name": line.person.name,
        "guest": line.guest,
        "address": url("/person", name=line.person.name),
        "cells": [
            {
                "state": entry.state,
                "doubtful": entry.doubtful and entry.presence is not None,
                "text": texts.cell(entry),
                "address": _videos(line.person.name, entry.session, asked)
                if entry.presence
                else "",
            }
            for entry in line.entries
        ],
        "total": "guest" if line.guest else f"{came} of {held}{late}",
    }


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _videos(person: str, session: Session, asked: Mapping[str, str]) -> str:
    if isinstance(session.name, date):
        day = session.name.isoformat()
        return url("/videos", **{"person": person, "from": day, "to": day})
    return url("/videos", **{"person": person, "q": session.name, "from": asked["from"]})


def _rows(sheet: Sheet) -> Iterator[dict[str, Any]]:
    columns = [str(name) for name in texts.header(sheet)]
    for row in texts.rows(sheet):
        yield dict(zip(columns, [*row, *[""] * (len(columns) - len(row))], strict=True))
