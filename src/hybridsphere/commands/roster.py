"""Rosters: files of student records, as schools and spreadsheets write them."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybridsphere.errors import CannotRun
from hybridsphere.messages import UnusableName, name_form

_COLUMNS = ("name", "major", "year")

_SEPARATORS = ",;\t|"

_FORMS = "give a JSON list, or a CSV with a header"

Row = Mapping[str, Any]
"""The fields of a student, by column; names of required columns are in lower case."""


@dataclass(frozen=True, slots=True)
class StudentRecord:
    """The record of a student; `id` is the school's own, `further` has all other columns."""

    name: str
    major: str
    year: str
    id: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)

    def item(self) -> dict[str, dict[str, str]]:
        """Return the item for DynamoDB; `name` is the key."""
        fields = {"name": self.name, "major": self.major, "year": self.year, **self.further}
        # Text, since a number would lose the zeros of 0042.
        if self.id is not None:
            fields["id"] = self.id
        return {name: {"S": value} for name, value in fields.items()}


def read_students(file: Path, *, required: Sequence[str] = _COLUMNS) -> list[StudentRecord]:
    """Read a JSON list, or a CSV with the columns `name`, `major`, `year` and perhaps others.

    A CSV may have commas, semicolons, tabs or bars, blanks around its cells, rows without content,
    and be UTF-8, UTF-16 or Windows-1252. Columns that are not `required` may lack values, which
    are empty then. Raises CannotRun for the first row that cannot be used.
    """
    text = _text_of(file)
    if not text.strip():
        raise CannotRun(f"{file} is empty", hint=_FORMS)
    is_json = text.lstrip()[:1] in {"[", "{"}
    rows = _json_rows(file, text) if is_json else _csv_rows(file, text, required)
    students: dict[str, StudentRecord] = {}
    for place, row in rows:
        student = _student(place, row, required)
        if student.name in students:
            raise CannotRun(
                f"{place}: name {student.name!r} is there twice", hint="keep one of the two"
            )
        students[student.name] = student
    if not students:
        raise CannotRun(f"{file} holds no student", hint=_FORMS)
    return list(students.values())


def _text_of(file: Path) -> str:
    """Return a file's text in the encoding that it has."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CannotRun(f"{file} cannot be read: {error}") from error
    if content.startswith(b"PK\x03\x04"):
        raise CannotRun(f"{file} is a workbook or an archive", hint="save the sheet as CSV UTF-8")
    encodings = ["utf-8-sig", "cp1252"]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif content[1:2] == b"\0":
        encodings = ["utf-16-le"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CannotRun(
        f"{file} cannot be read: it is neither UTF-8 nor UTF-16 nor Windows-1252",
        hint="save it as CSV UTF-8",
    )


def _json_rows(file: Path, text: str) -> Iterable[tuple[str, Row]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
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


def _csv_rows(file: Path, text: str, required: Sequence[str]) -> Iterator[tuple[str, Row]]:
    separator, text, skipped = _separated(text)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    good = skipped
    try:
        columns = _columns(file, next(reader, []), skipped + 1, required)
        good = skipped + reader.line_num
        for cells in reader:
            good = skipped + reader.line_num
            # Spreadsheets write the rows below a table as separators alone.
            if any(cell.strip() for cell in cells):
                place = f"{file}, line {good}"
                yield place, _row(place, columns, cells)
    except csv.Error as error:
        raise CannotRun(f"{file} is not CSV after line {good}: {error}") from error


def _separated(text: str) -> tuple[str, str, int]:
    """Return a CSV's separator, its text from the header on, and the lines before the header."""
    first, _, rest = text.partition("\n")
    # Excel reads this line, and so do those who write for it.
    sep = first.strip().strip('"').lower()
    if sep.startswith("sep=") and len(sep) <= len("sep=,"):
        return (sep.removeprefix("sep=") or "\t"), rest, 1

    def known(separator: str) -> int:
        cells = {cell.strip().strip('"').strip().lower() for cell in first.split(separator)}
        return len(cells & set(_COLUMNS))

    # `max` keeps the first of equals, the comma.
    return max(_SEPARATORS, key=known), text, 0


def _columns(file: Path, header: Sequence[str], line: int, required: Sequence[str]) -> list[str]:
    """Return the columns' names; those of the required ones and of `id` in lower case."""
    names = [name.strip() for name in header]
    columns = [name.lower() if name.lower() in {*_COLUMNS, "id"} else name for name in names]
    if missing := set(required) - set(columns):
        raise CannotRun(
            f"{file}, line {line}: no column {', '.join(sorted(missing))}",
            hint=f"begin with the header {','.join(required)}",
        )
    twice = [name for name, count in Counter(columns).items() if name and count > 1]
    if twice:
        raise CannotRun(
            f"{file}, line {line}: column {', '.join(twice)} is there twice",
            hint="keep one of the two",
        )
    return columns


def _row(place: str, columns: Sequence[str], cells: Sequence[str]) -> Row:
    """Return a row's fields by column."""
    for column, cell in zip([*columns, *[""] * len(cells)], cells, strict=False):
        if not column and cell.strip():
            raise CannotRun(
                f"{place}: {cell!r} belongs to no column",
                hint="quote cells that contain the separator, or name the column",
            )
    return {column: cell for column, cell in zip(columns, cells, strict=False) if column}


def _student(place: str, row: Row, required: Sequence[str]) -> StudentRecord:
    major, year = (
        _text(place, field, row.get(field)) if field in required or row.get(field) else ""
        for field in ("major", "year")
    )
    try:
        name = name_form(_text(place, "name", row.get("name")))
    except UnusableName as error:
        raise CannotRun(f"{place}: {error}", hint="type the name again") from error
    identity = row.get("id")
    return StudentRecord(
        name,
        major,
        year,
        id=None if identity in (None, "") else _text(place, "id", identity),
        further=_further(row),
    )


def _further(row: Row) -> dict[str, str]:
    """Return the fields beside the record's own, as text; those without content are left out."""
    texts = {
        column: value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for column, value in row.items()
        if column not in {*_COLUMNS, "id"} and value is not None
    }
    return {column: text for column, text in texts.items() if column and text}


def _text(place: str, field: str, value: object) -> str:
    """Return a field as text; numbers stay as they are written."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    if not text or isinstance(value, bool):
        found = "missing" if value is None else repr(value)
        raise CannotRun(f"{place}: {field} is {found}", hint="give a text")
    return text
