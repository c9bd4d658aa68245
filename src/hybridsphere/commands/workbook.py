"""Workbooks for Excel: texts never are formulas, and times are real dates."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxWriterException
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from hybridsphere.errors import CannotRun

SHEET_ROWS = 1_048_576
"""Rows of a sheet, its header included: Excel reads no more."""

SHEET_COLUMNS = 16_384

_FIRST_YEAR = 1900
"""Excel's calendar begins here; earlier times stay texts."""

_TIME_FORMAT = "yyyy-mm-dd hh:mm:ss.000"
_DATE_FORMAT = "yyyy-mm-dd"
_DURATION_FORMAT = "[h]:mm:ss"
_TIME_WIDTH = 22
_TEXT_WIDTH = 16
_CELL_WIDTH = 28


def _no_fill(_: object) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Page:
    """A sheet of a workbook: days are dates, timedeltas are durations.

    `fills` gives the colour of a cell by its value; `fixed_columns` stay in sight.
    """

    title: str
    columns: Sequence[Any]
    rows: Iterable[Sequence[Any]]
    fills: Callable[[object], str | None] = _no_fill
    fixed_columns: int = 0


def write_workbook(rows: Iterable[Sequence[Any]], columns: Sequence[str], out: BinaryIO) -> None:
    """Write texts, numbers and times to a workbook, in as many sheets as the rows need.

    A column of times has a name that ends with `_at`; its cells become dates in UTC. Rows wait on
    disk, not in memory. Nothing goes to `out` if the rows fail. Raises CannotRun and OSError.
    """
    with _book(out) as book:
        _write_sheets(book, rows, columns)


def write_pages(pages: Iterable[Page], out: BinaryIO) -> None:
    """Write a workbook of these sheets; a sheet whose rows exceed Excel's goes on in another.

    Raises CannotRun and OSError; then nothing goes to `out`.
    """
    with _book(out) as book:
        for page in pages:
            _write_page(book, page)


@contextmanager
def _book(out: BinaryIO) -> Iterator[Workbook]:
    """Yield a workbook that goes to `out` once it is whole."""
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
                yield book
        except XlsxWriterException as error:
            raise CannotRun(f"the workbook cannot be written: {error}") from error
        with path.open("rb") as file:
            shutil.copyfileobj(file, out)


def _write_page(book: Workbook, page: Page) -> None:
    formats: dict[tuple[str, str | None], Format] = {}

    def format_of(value: object) -> Format | None:
        """Return the format of a cell: a kind of number and a fill, each made once."""
        number = _number_format(value)
        fill = page.fills(value)
        if not number and not fill:
            return None
        if (number, fill) not in formats:
            wanted = {"num_format": number} if number else {}
            formats[number, fill] = book.add_format(wanted | ({"bg_color": fill} if fill else {}))
        return formats[number, fill]

    def begin(title: str | None) -> Worksheet:
        sheet = book.add_worksheet(title)
        sheet.freeze_panes(1, page.fixed_columns)
        sheet.set_column(0, 0, _TIME_WIDTH)
        sheet.set_column(1, page.fixed_columns, _TEXT_WIDTH)
        sheet.set_column(max(page.fixed_columns, 1), len(page.columns), _CELL_WIDTH)
        bold = {
            name: book.add_format({"bold": True, "num_format": name or "General"})
            for name in ("", _DATE_FORMAT)
        }
        for place, column in enumerate(page.columns):
            _write_cell(sheet, 0, place, column, bold[_number_format(column)])
        return sheet

    sheet = begin(page.title)
    for number, row in enumerate(page.rows):
        line = number % (SHEET_ROWS - 1) + 1
        if number and line == 1:
            sheet = begin(None)
        for place, value in enumerate(row):
            _write_cell(sheet, line, place, value, format_of(value))


def _number_format(value: object) -> str:
    if isinstance(value, timedelta):
        return _DURATION_FORMAT
    return _DATE_FORMAT if isinstance(value, date) and not isinstance(value, datetime) else ""


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


def _write_cell(
    sheet: Worksheet, line: int, place: int, value: object, form: Format | None = None
) -> None:
    if isinstance(value, timedelta) or (isinstance(value, date) and value.year >= _FIRST_YEAR):
        sheet.write_datetime(line, place, value, form)
    elif isinstance(value, int | float):
        sheet.write_number(line, place, value, form)
    elif value:
        # Unlike `write`, this makes no formula and no link of a text.
        sheet.write_string(line, place, str(value), form)


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
