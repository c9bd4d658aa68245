"""The ledger for other programs: CSV, JSON or a workbook, one row an upload or a person."""

import csv
import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TextIO

from hybridsphere.commands.cells import harmless
from hybridsphere.commands.selection import COLUMNS, PEOPLE_COLUMNS, Row, RowPer, Selection
from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import Upload

__all__ = ["COLUMNS", "PEOPLE_COLUMNS", "Format", "RowPer", "Selection", "export"]

Format = Literal["csv", "excel-csv", "json", "xlsx"]

_EVERYTHING = Selection()


def export(
    uploads: Iterable[Upload],
    format: Format,  # noqa: A002 - the option's name
    out: TextIO,
    selection: Selection = _EVERYTHING,
) -> None:
    """Write rows one by one as they come, since a ledger may be larger than the memory.

    A workbook is written at the end, from files on disk. Raises CannotRun for a workbook on a
    terminal.
    """
    rows = selection.of(uploads)
    if format == "json":
        _write_json(rows, out)
    elif format == "xlsx":
        _write_workbook(rows, selection.columns, out)
    else:
        # Without the mark Excel takes UTF-8 for the locale's own encoding.
        out.write("\ufeff" if format == "excel-csv" else "")
        _write_csv(rows, selection.columns, out)


def _write_csv(rows: Iterable[Row], columns: Sequence[str], out: TextIO) -> None:
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({column: _safe(as_cell(cell)) for column, cell in row.items()})


def _safe(cell: Any) -> Any:
    return harmless(cell) if isinstance(cell, str) else cell


def as_cell(value: Any) -> Any:
    """Return a value as a cell has it: spans as in a video's CSV, `0.0-3.5 10.0-12.0`."""
    if isinstance(value, list):
        return " ".join(f"{first / 1000}-{last / 1000}" for first, last in value)
    return value


def _write_json(rows: Iterable[Row], out: TextIO) -> None:
    """Write one list with an object a line, for readers of JSON and of lines alike."""
    separator = "[\n"
    for row in rows:
        out.write(separator + json.dumps(row, ensure_ascii=False))
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


def _write_workbook(rows: Iterable[Row], columns: Sequence[str], out: TextIO) -> None:
    if out.isatty():
        raise CannotRun(
            "a workbook is not for a terminal",
            hint="hybridsphere results export --format xlsx > results.xlsx",
        )
    from hybridsphere.commands.workbook import write_workbook  # noqa: PLC0415 - not for CSV

    cells = ([as_cell(row[column]) for column in columns] for row in rows)
    write_workbook(cells, columns, out.buffer)
