"""The ledger for other programs: CSV or JSON, a row an upload."""

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

_OF_PEOPLE = ("name", "major", "year")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell for that begins so; OWASP, "CSV Injection"."""


def export(rows: Iterable[Upload], format: Literal["csv", "json"], out: TextIO) -> None:  # noqa: A002 - the option's name
    """Write rows one by one, as they come: the ledger may be larger than the memory."""
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
    """A cell that no spreadsheet evaluates: keys are whatever those who upload have chosen."""
    return f"'{cell}" if cell and cell.startswith(_FORMULA) else cell


def _write_json(rows: Iterable[Upload], out: TextIO) -> None:
    """One list with an object a line, so that both kinds of reader are served."""
    separator = "[\n"
    for row in rows:
        out.write(separator + json.dumps(_fields(row), ensure_ascii=False))
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


def _fields(row: Upload) -> dict[str, str | None]:
    """A row by column; what there is of several people is joined by `;`, in the same order."""
    of_people = {
        column: ";".join(str(person.get(column, "")) for person in row.people)
        for column in _OF_PEOPLE
    }
    # A sequencer as S3 wrote it, for those who look it up elsewhere.
    told = {**of_people, "version": row.sequencer or row.version}
    return {column: told[column] if column in told else getattr(row, column) for column in COLUMNS}
