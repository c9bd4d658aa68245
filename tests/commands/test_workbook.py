"""Workbooks, read as Excel reads them: a ZIP file of XML."""

import io
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pytest

from hybridsphere.commands import workbook
from hybridsphere.commands.export import COLUMNS, PEOPLE_COLUMNS, Selection, export
from hybridsphere.commands.workbook import write_workbook
from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import Upload
from tests.commands.test_export import CLEO, FORMULAS, ROW

_SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook knows no zone
_TIME_FORMAT = "yyyy\\-mm\\-dd\\ hh:mm:ss.000"


def sheets(content: bytes) -> list[list[list[Any]]]:
    """The cells of each sheet, row by row: texts, numbers, and times by their format."""
    with ZipFile(io.BytesIO(content)) as book:
        names = sorted(name for name in book.namelist() if "/sheet" in name)
        times = time_styles(book.read("xl/styles.xml"))
        return [list(rows(book.read(name), times)) for name in names]


def time_styles(styles: bytes) -> set[str]:
    root = ET.fromstring(styles)
    formats = {
        found.get("numFmtId"): (found.get("formatCode") or "").replace("\\", "")
        for found in root.iter(f"{_SPACE}numFmt")
    }
    (cells,) = root.iter(f"{_SPACE}cellXfs")
    return {
        str(place)
        for place, style in enumerate(cells)
        if formats.get(style.get("numFmtId")) == _TIME_FORMAT.replace("\\", "")
    }


def rows(sheet: bytes, times: set[str]) -> Iterator[list[Any]]:
    for row in ET.fromstring(sheet).iter(f"{_SPACE}row"):
        cells: dict[int, Any] = {}
        for cell in row:
            assert cell.find(f"{_SPACE}f") is None, "a formula"
            column = column_of(cell.get("r") or "")
            cells[column] = value_of(cell, times)
        yield [cells.get(place) for place in range(max(cells, default=-1) + 1)]


def column_of(place: str) -> int:
    number = 0
    for letter in place.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def value_of(cell: Any, times: set[str]) -> Any:
    if cell.get("t") == "inlineStr":
        return "".join(cell.itertext())
    number = float(cell.findtext(f"{_SPACE}v"))
    return _EPOCH + timedelta(days=number) if cell.get("s") in times else number


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def exported(*uploads: Upload, selection: Selection | None = None) -> dict[str, Any]:
    """The one row of a workbook, by column."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    export(uploads, "xlsx", out, selection or Selection())
    ((header, row),) = sheets(out.buffer.getvalue())  # type: ignore[attr-defined]
    return dict(zip(header, [*row, *[None] * (len(header) - len(row))], strict=True))


def test_times_are_dates_and_texts_are_texts() -> None:
    row = exported(replace(ROW, key="a.mp4", received_at="2026-11-21T10:00:01.250+09:00"))

    assert tuple(row) == COLUMNS
    assert (row["key"], row["version"], row["reason"]) == ("a.mp4", "01", None)
    received = row["received_at"]
    assert abs(received - datetime(2026, 11, 21, 1, 0, 1, 250_000)) < timedelta(milliseconds=1)  # noqa: DTZ001
    assert row["started_at"] is None


def test_figures_of_people_are_numbers() -> None:
    row = exported(replace(ROW, people=[CLEO]), selection=Selection("people"))

    assert tuple(row) == PEOPLE_COLUMNS
    assert (row["distance"], row["at_s"], row["sightings"]) == (0.25, 2.5, 9)
    assert (row["spans"], row["first_s"]) == ("0.0-3.5 10.0-12.0", 0.0)


@pytest.mark.parametrize("key", [*FORMULAS, "{=1}", "http://x.example/", "mailto:a@b.example"])
def test_a_text_is_neither_a_formula_nor_a_link(key: str) -> None:
    row = exported(replace(ROW, key=key, people=[{**CLEO, "name": key}]))

    # XML reads a carriage return as a line feed; XlsxWriter escapes it as Excel does.
    assert row["key"].replace("_x000D_", "\r") == key
    assert row["name"].replace("_x000D_", "\r") == key


@pytest.mark.parametrize("text", ["not a time", "0001-01-01T00:00:00.000Z", "1000-01-01T00:00:00Z"])
def test_a_time_that_excel_does_not_know_stays_a_text(text: str) -> None:
    assert exported(replace(ROW, started_at=text))["started_at"] == text


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "SHEET_ROWS", 3)
    out = io.BytesIO()

    write_workbook(([number] for number in range(5)), ["n"], out)

    assert sheets(out.getvalue()) == [[["n"], [0], [1]], [["n"], [2], [3]], [["n"], [4]]]


def test_no_rows_make_a_sheet_with_a_header() -> None:
    out = io.BytesIO()

    write_workbook([], ["n"], out)

    assert sheets(out.getvalue()) == [[["n"]]]


def test_rows_that_fail_leave_no_output_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    out = io.BytesIO()

    def failing() -> Iterator[list[int]]:
        yield [1]
        assert list(tmp_path.iterdir())
        raise CannotRun("damaged")

    with pytest.raises(CannotRun, match="damaged"):
        write_workbook(failing(), ["n"], out)

    assert out.getvalue() == b""
    assert list(tmp_path.iterdir()) == []


def test_ten_times_as_many_rows_take_no_more_memory(tmp_path: Path) -> None:
    def most_memory(count: int) -> int:
        """The most bytes at once, while distinct texts are written."""
        texts = ([f"{number}-{column}" * 4 for column in range(5)] for number in range(count))
        with (tmp_path / "book.xlsx").open("wb") as out:
            tracemalloc.start()
            try:
                write_workbook(texts, "abcde", out)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    most_memory(10)
    few, many = most_memory(500), most_memory(5000)

    # The texts alone have over a megabyte.
    assert many < few + 100_000


def test_a_terminal_gets_no_workbook() -> None:
    out = Terminal(io.BytesIO(), encoding="utf-8")

    with pytest.raises(CannotRun, match="not for a terminal"):
        export([ROW], "xlsx", out)

    assert out.buffer.getvalue() == b""  # type: ignore[attr-defined]
