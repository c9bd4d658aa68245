"""The ledger for other programs: CSV or JSON, one row an upload."""

import csv
import json
from collections.abc import Iterable
from typing import Literal, TextIO

from hybridsphere.ledger.ledger import Upload

COLUMNS = (
    "bucket",
    "key",
    "version",
    "status",
    "name",
    "major",
    "year",
    "output_key",
    "received_at",
    "invoked_at",
    "started_at",
    "finished_at",
    "stored_at",
    "reason",
)

_PERSONAL = ("name", "major", "year")

_FORMULA = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
"""Prefixes that make a spreadsheet treat a cell as a formula (OWASP, "CSV Injection").

The last four are the full-width forms of the first four.
"""


def export(rows: Iterable[Upload], format: Literal["csv", "json"], out: TextIO) -> None:  # noqa: A002 - the option's name
    """Write rows one by one as they come, since a ledger may be larger than the memory."""
    if format == "csv":
        _write_csv(rows, out)
    else:
        _write_json(rows, out)


def _write_csv(rows: Iterable[Upload], out: TextIO) -> None:
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for row in rows:
        writer.writerow({column: _as_text(cell) for column, cell in _fields(row).items()})


def _as_text(cell: str | None) -> str | None:
    """Quote a cell that a spreadsheet would evaluate: uploaders choose the keys."""
    return f"'{cell}" if cell and cell.startswith(_FORMULA) else cell


def _write_json(rows: Iterable[Upload], out: TextIO) -> None:
    """Write one list with an object a line, for readers of JSON and of lines alike."""
    separator = "[\n"
    for row in rows:
        out.write(separator + json.dumps(_fields(row), ensure_ascii=False))
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


def _fields(row: Upload) -> dict[str, str | None]:
    """Return a row by column; the people's values are joined by `;`, in the same order."""
    of_people = {
        column: ";".join(str(person.get(column, "")) for person in row.people)
        for column in _PERSONAL
    }
    # The sequencer as S3 wrote it, to be looked up elsewhere.
    replaced = {**of_people, "version": row.sequencer or row.version}
    return {
        column: replaced[column] if column in replaced else getattr(row, column)
        for column in COLUMNS
    }
