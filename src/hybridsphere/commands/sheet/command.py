"""Make a sheet from the ledger, and write it."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, tzinfo
from pathlib import Path
from typing import BinaryIO, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hybridsphere.commands.cells import harmless
from hybridsphere.commands.roster import read_students
from hybridsphere.commands.sheet import texts
from hybridsphere.commands.sheet.sessions import (
    Clock,
    Name,
    SessionBy,
    Sessions,
    day_of,
    session_name,
)
from hybridsphere.commands.sheet.sheet import Sheet
from hybridsphere.commands.sheet.video import Video, video_of
from hybridsphere.errors import CannotRun
from hybridsphere.files import obstacle_to, write_whole
from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.ledger.newest import current

Format = Literal["csv", "excel-csv", "xlsx", "json"]


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """The choice of videos, and how they are put together. Days are those of the zone."""

    by: SessionBy
    key: str = ""
    since: date | None = None
    until: date | None = None
    late_after_s: float = 600.0
    in_order: bool = False
    zone: tzinfo | None = None


def zone_of(name: str | None) -> tzinfo | None:
    """Return a time zone by its name; None for the machine's own. Raises CannotRun."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CannotRun(
            f"there is no time zone {name!r}",
            hint="name it as in Europe/Athens; without --timezone it is the machine's own",
        ) from error


def make_sheet(roster: Path, results_dir: Path, options: SheetOptions) -> Sheet:
    """Put the results of a ledger together with a class list. Raises CannotRun."""
    students = read_students(roster, required=("name",))
    with Ledger.read(results_dir) as ledger:
        clock = Clock(_videos(ledger, options)) if options.in_order else None
        sessions = Sessions()
        for name, video in _videos(ledger, options):
            sessions.add(name, video, clock)
    return Sheet(students, sessions, options.late_after_s)


def write_sheet(sheet: Sheet, form: Format, out: BinaryIO) -> None:
    """Write a sheet. Raises CannotRun and OSError."""
    if form == "xlsx":
        from hybridsphere.commands.sheet.book import write_book  # noqa: PLC0415 - not for CSV

        write_book(sheet, out)
        return
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    try:
        if form == "json":
            text.write(json.dumps(texts.record(sheet), ensure_ascii=False, indent=2) + "\n")
        else:
            # Without the mark Excel takes UTF-8 for the locale's own encoding.
            text.write("\ufeff" if form == "excel-csv" else "")
            _write_csv(sheet, text)
    finally:
        text.detach()


def save_sheet(sheet: Sheet, form: Format, path: Path) -> None:
    """Write a sheet to a file in one step. Raises CannotRun and OSError."""
    content = io.BytesIO()
    write_sheet(sheet, form, content)
    write_whole(path, content.getvalue())


def form_of(path: Path | None) -> Format:
    """Choose the form of a file by its name."""
    suffixes: dict[str, Format] = {".xlsx": "xlsx", ".json": "json"}
    return suffixes.get(path.suffix.lower() if path else "", "csv")


def check_output(form: Format, path: Path | None) -> None:
    """Raise CannotRun before long work whose outcome could not be written."""
    if path is None and form == "xlsx" and sys.stdout.isatty():
        raise CannotRun("a workbook is not for a terminal", hint="name a file: -o sheet.xlsx")
    if path is not None and (obstacle := obstacle_to(path)):
        raise CannotRun(f"{path}: {obstacle}")


def extent_of(sheet: Sheet) -> str:
    """Say how large a sheet is: "2 sessions of 1 student"."""
    sessions, students = len(sheet.sessions), sheet.students
    return (
        f"{sessions} session{'' if sessions == 1 else 's'} of "
        f"{students} student{'' if students == 1 else 's'}"
    )


def notes_on(sheet: Sheet) -> Iterator[str]:
    """Say why a sheet may not be the expected one."""
    if not sheet.sessions:
        yield "no video belongs to this sheet: look at --key, --since and --until"
    elif sheet.guests and not sheet.recognised:
        yield (
            "nobody on the roster was recognised, but others were: the names on the roster must "
            "be those of the gallery"
        )


def _videos(ledger: Ledger, options: SheetOptions) -> Iterator[tuple[Name, Video]]:
    """Go through the wanted videos, each with its session."""
    name_of = session_name(options.by, options.zone)
    for upload in current(ledger, _wanted(ledger.uploads(), options)):
        yield name_of(upload), video_of(upload)


def _wanted(uploads: Iterable[Upload], options: SheetOptions) -> Iterator[Upload]:
    in_period = _period(options)
    for upload in uploads:
        if upload.key.startswith(options.key) and in_period(upload):
            yield upload


def _period(options: SheetOptions) -> Callable[[Upload], bool]:
    since, until = options.since or date.min, options.until or date.max
    if (since, until) == (date.min, date.max):
        return lambda _: True

    def within(upload: Upload) -> bool:
        return since <= day_of(upload.event_time, options.zone) <= until

    return within


def _write_csv(sheet: Sheet, out: io.TextIOWrapper) -> None:
    writer = csv.writer(out)
    for row in [texts.header(sheet)], texts.rows(sheet):
        for cells in row:
            writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])
