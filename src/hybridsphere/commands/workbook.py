"""Workbooks for Excel: texts never are formulas, and times are real dates."""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxWriterException
from xlsxwriter.worksheet import Worksheet

from hybridsphere.errors import CannotRun

SHEET_ROWS = 1_048_576
"""Rows of a sheet, its header included: Excel reads no more."""

_FIRST_YEAR = 1900
"""Excel's calendar begins here; earlier times stay texts."""

_TIME_FORMAT = "yyyy-mm-dd hh:mm:ss.000"
_TIME_WIDTH = 22
_TEXT_WIDTH = 16


def write_workbook(rows: Iterable[Sequence[Any]], columns: Sequence[str], out: BinaryIO) -> None:
    """Write texts, numbers and times to a workbook, in as many sheets as the rows need.

    A column of times has a name that ends with `_at`; its cells become dates in UTC. Rows wait on
    disk, not in memory. Nothing goes to `out` if the rows fail. Raises CannotRun and OSError.
    """
    with tempfile.TemporaryDirectory(prefix="hybridsphere-") as folder:
        path = Path(folder) / "results.xlsx"
        options = {
            "constant_memory": True,
            "default_date_format": _TIME_FORMAT,
            "tmpdir": folder,
            "use_zip64": True,
        }
        try:
            with Workbook(path, options) as book:
                _write_sheets(book, rows, columns)
        except XlsxWriterException as error:
            raise CannotRun(f"the workbook cannot be written: {error}") from error
        with path.open("rb") as file:
            shutil.copyfileobj(file, out)


def _write_sheets(book: Workbook, rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> None:
    sheet = _add_sheet(book, columns)
    for number, row in enumerate(rows):
        line = number % (SHEET_ROWS - 1) + 1
        if number and line == 1:
            sheet = _add_sheet(book, columns)
        for place, (column, value) in enumerate(zip(columns, row, strict=True)):
            _write_cell(sheet, line, place, _time_of(value) if _is_time(column) else value)


def _add_sheet(book: Workbook, columns: Sequence[str]) -> Worksheet:
    """Begin a sheet with a header that stays in sight."""
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True})
    for place, column in enumerate(columns):
        sheet.set_column(place, place, _TIME_WIDTH if _is_time(column) else _TEXT_WIDTH)
        sheet.write_string(0, place, column, bold)
    return sheet


def _write_cell(sheet: Worksheet, line: int, place: int, value: object) -> None:
    if isinstance(value, datetime):
        sheet.write_datetime(line, place, value)
    elif isinstance(value, int | float):
        sheet.write_number(line, place, value)
    elif value:
        # Unlike `write`, this makes no formula and no link of a text.
        sheet.write_string(line, place, str(value))


def _is_time(column: str) -> bool:
    return column.endswith("_at")


def _time_of(text: str | None) -> datetime | str | None:
    """Return a time in UTC, as Excel has it; any other text stays as it is."""
    try:
        moment = datetime.fromisoformat(text or "")
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return text
    return moment if moment.year >= _FIRST_YEAR else text
