"""Load student records into the table in which the function looks names up."""

import asyncio
import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridsphere.aws.one_shot import client, concerning
from hybridsphere.errors import CannotRun
from hybridsphere.settings import Settings

RECORDS_PER_WRITE = 25
"""The most records that one BatchWriteItem takes."""

_COLUMNS = {"name", "major", "year"}

_FORMS = "give a JSON list, or a CSV with a header"

_ATTEMPTS = 10
_LONGEST_PAUSE_S = 5.0
"""Attempts to write records that DynamoDB returns; pauses double from 0.05 s, 21 s in all."""


@dataclass(frozen=True, slots=True)
class StudentRecord:
    """The record of a student; `id` is the school's own, if there is one."""

    name: str
    major: str
    year: str
    id: str | None = None

    def item(self) -> dict[str, dict[str, str]]:
        """Return the item for DynamoDB; `name` is the key."""
        fields = {"name": self.name, "major": self.major, "year": self.year}
        item = {field: {"S": value} for field, value in fields.items()}
        if self.id is not None:
            # Text, since a number would lose the zeros of 0042.
            item["id"] = {"S": self.id}
        return item


async def load_students(file: Path, settings: Settings) -> int:
    """Write the students of a file into the table; return how many.

    A student of the same name is replaced. Nothing is written unless the whole file is good.
    Raises CannotRun.
    """
    students = read_students(file)
    table = settings.need("table")
    async with client("dynamodb") as dynamodb:
        for start in range(0, len(students), RECORDS_PER_WRITE):
            await _write(dynamodb, table, students[start : start + RECORDS_PER_WRITE])
    return len(students)


def read_students(file: Path) -> list[StudentRecord]:
    """Read a JSON list, or a CSV with the columns `name`, `major`, `year` and perhaps `id`.

    Raises CannotRun for the first row that cannot be used.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(f"{file} cannot be read: {error}") from error
    if not text.strip():
        raise CannotRun(f"{file} is empty", hint=_FORMS)
    rows = _json_rows(file, text) if text.lstrip()[:1] in {"[", "{"} else _csv_rows(file, text)
    students: dict[str, StudentRecord] = {}
    for place, row in rows:
        student = _student(place, row)
        if student.name in students:
            raise CannotRun(
                f"{place}: name {student.name!r} is there twice", hint="keep one of the two"
            )
        students[student.name] = student
    if not students:
        raise CannotRun(f"{file} holds no student", hint=_FORMS)
    return list(students.values())


def _json_rows(file: Path, text: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise CannotRun(f"{file} is not JSON: {error}") from error
    if not isinstance(rows, list):
        raise CannotRun(f"{file} is a JSON object", hint="put the students into a list")
    for number, row in enumerate(rows, 1):
        place = f"{file}, student {number}"
        if not isinstance(row, dict):
            raise CannotRun(
                f"{place}: {row!r} is not an object", hint='write a student as {"name": …}'
            )
        yield place, row


def _csv_rows(file: Path, text: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = reader.fieldnames or ()
        missing = _COLUMNS - set(columns)
        if missing:
            raise CannotRun(
                f"{file}, line 1: no column {', '.join(sorted(missing))}{_slip(columns)}",
                hint="begin with the header name,major,year",
            )
        for row in reader:
            yield f"{file}, line {reader.line_num}", row
    except csv.Error as error:
        raise CannotRun(f"{file} is not CSV after line {reader.line_num}: {error}") from error


def _slip(columns: Sequence[str]) -> str:
    """Name the likely mistake of a header that lacks columns."""
    header = ",".join(columns)
    for separator, named in ((";", "semicolons"), ("\t", "tabs")):
        if separator in header:
            return f" (it has {named} where commas are needed)"
    return " (case counts)" if {column.lower() for column in columns} >= _COLUMNS else ""


def _student(place: str, row: Mapping[str, Any]) -> StudentRecord:
    fields = {field: _text(place, field, row.get(field)) for field in ("name", "major", "year")}
    identity = row.get("id")
    return StudentRecord(
        **fields, id=None if identity in (None, "") else _text(place, "id", identity)
    )


def _text(place: str, field: str, value: object) -> str:
    """Return a field as text; numbers stay as they are written."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    if not text or isinstance(value, bool):
        found = "missing" if value is None else repr(value)
        raise CannotRun(f"{place}: {field} is {found}", hint="give a text")
    return text


async def _write(dynamodb: Any, table: str, students: Sequence[StudentRecord]) -> None:
    """Write one batch, and again what DynamoDB returns of it, with growing pauses."""
    waiting = {table: [{"PutRequest": {"Item": student.item()}} for student in students]}
    for attempt in range(_ATTEMPTS):
        with concerning(f"table {table}"):
            answer = await dynamodb.batch_write_item(RequestItems=waiting)
        waiting = answer.get("UnprocessedItems")
        if not waiting:
            return
        await asyncio.sleep(min(0.05 * 2**attempt, _LONGEST_PAUSE_S))
    raise CannotRun(
        f"{table}: DynamoDB would not take {len(waiting[table])} of {len(students)} students in "
        f"{_ATTEMPTS} attempts",
        hint="raise the table's capacity and load the file again",
    )
