"""A sheet as a workbook for Excel: the sheet itself, and the times of everybody in it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, BinaryIO

from hybridsphere.commands.sheet import texts
from hybridsphere.commands.sheet.sheet import Entry, Sheet
from hybridsphere.commands.workbook import SHEET_COLUMNS, SHEET_ROWS, Page, write_pages
from hybridsphere.errors import CannotRun

_COLOURS = {"late": "#FFEB9C", "absent": "#FFC7CE", "unclear": "#FFEB9C"}
"""The fills of two styles of Excel, Neutral and Bad."""

_TIMES = (
    "session",
    "name",
    "major",
    "year",
    "state",
    "doubtful",
    "from",
    "to",
    "how long",
    "videos",
    "of videos",
)

_LINES_BESIDE = 10
"""Rows of a sheet that belong to no person, and some more."""


def write_book(sheet: Sheet, out: BinaryIO) -> None:
    """Write a sheet as a workbook. Raises CannotRun if it has no room in one, and OSError."""
    columns = texts.header(sheet)
    if len(columns) > SHEET_COLUMNS:
        raise CannotRun(
            f"{len(sheet.sessions)} sessions are more than a workbook has columns for",
            hint="choose a period with --since and --until, or --format csv",
        )
    if sheet.people + _LINES_BESIDE > SHEET_ROWS:
        raise CannotRun(
            f"{sheet.people} people are more than a workbook has rows for",
            hint="choose videos with --key, or --format csv",
        )
    write_pages(
        [
            Page("Attendance", columns, texts.rows(sheet), fills=_fills, fixed_columns=1),
            Page("Times", _TIMES, _times(sheet), fixed_columns=2),
        ],
        out,
    )


def _fills(value: object) -> str | None:
    """Return the colour of a cell, by its first word."""
    if not isinstance(value, str):
        return None
    word = value.partition(" ")[0].rstrip(",")
    return _COLOURS["unclear"] if word.endswith("?") else _COLOURS.get(word)


def _times(sheet: Sheet) -> Iterator[list[Any]]:
    for line in sheet.lines():
        person = [line.person.name, line.person.major, line.person.year]
        for entry in line.entries:
            if entry.presence or not line.guest:
                yield [entry.session.name, *person, *_figures(entry)]


def _figures(entry: Entry) -> list[Any]:
    doubtful = "yes" if entry.doubtful else ""
    presence = entry.presence
    if presence is None:
        return [entry.state, doubtful, None, None, None, 0, entry.session.videos]
    times = (presence.first_s, presence.last_s, presence.seconds)
    spans = [None if seconds is None else timedelta(seconds=seconds) for seconds in times]
    return [entry.state, doubtful, *spans, presence.videos, entry.session.videos]
