"""The rows of a video's answer: a row a person or stranger, as the CSV has them."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hybridsphere.messages import ATTENDANCE_COLUMNS, CSV_COLUMNS, csv_text
from hybridsphere.messages.results import Spans

_GAP_MS = 1

Record = tuple[str, str]
"""Major and year of a student."""

FindRecord = Callable[[str], Record | None]
"""Finds the record of a student by name; None without one."""


@dataclass(slots=True)
class Row:
    """Somebody in a video.

    - `name`: empty for a stranger.
    - `cells`: the row of the function's CSV, empty for a new row.
    - `found`: the function's entry among the people, empty for a stranger or a new row.
    - `spans`, `sightings`: times in milliseconds, and frames; known in attendance alone.
    - `since`: the judgement that put the row there, 0 for the machine.
    - `distance`: of the machine's match.
    - `is_of_whole`: a word about the whole video put it there.
    """

    name: str
    cells: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    spans: Spans = ()
    sightings: int | None = None
    since: int = 0
    distance: float | None = None
    is_of_whole: bool = False

    @property
    def order(self) -> tuple[int, int, str]:
        """The order of rows: by appearance; people without times come last."""
        return (self.spans[0][0], 0, self.name) if self.spans else (2**62, 1, self.name)

    def times(self) -> dict[str, Any]:
        """Return the figures that attendance has of somebody."""
        if not self.spans:
            return {}
        figures = {
            "first_s": self.spans[0][0] / 1000,
            "last_s": self.spans[-1][1] / 1000,
            "sightings": self.sightings,
            "spans": [list(span) for span in self.spans],
        }
        return {name: value for name, value in figures.items() if value is not None}

    def absorb(self, spans: Spans, sightings: int | None) -> None:
        """Add the times of another face of the same person."""
        self.spans = joined((*self.spans, *spans))
        counts = [count for count in (self.sightings, sightings) if count is not None]
        self.sightings = sum(counts) if counts else None
        self.cells, self.found = {}, {**self.found, **self.times()}


def joined(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return spans in order; those that overlap become one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + _GAP_MS:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def is_attendance(text: str) -> bool:
    """Tell whether a CSV is one of attendance, by its header."""
    return "first_s" in text.partition("\n")[0].strip().split(",")


def read_rows(text: str, people: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Read the people and strangers of the function's answer; rows without a name are left out."""
    found = {str(person.get("name")): person for person in people}
    rows = []
    for cells in csv.DictReader(io.StringIO(text, newline="")):
        name, status = cells.get("name") or "", cells.get("status")
        if not name:
            continue
        known = status != "unknown_face"
        person = found.get(name, {}) if known else {}
        rows.append(
            Row(
                name=name if known else "",
                cells=cells,
                found=person,
                spans=_spans(cells),
                sightings=int(cells["sightings"]) if cells.get("sightings") else None,
                distance=person.get("distance"),
            )
        )
    return rows


def write_rows(rows: Sequence[Row], status: str, *, attendance: bool, records: FindRecord) -> str:
    """Write the CSV of an answer, a single row with the status if there is nobody."""
    columns = ATTENDANCE_COLUMNS if attendance else CSV_COLUMNS
    lines = []
    strangers = 0
    for row in rows:
        strangers += not row.name
        name = row.name or f"unknown_{strangers}"
        cells = {**_cells(row, records), **row.cells, "name": name}
        lines.append([cells.get(column, "") for column in columns])
    empty = [{"status": status}.get(column, "") for column in columns]
    return csv_text(lines or [empty], columns)


def person_of(row: Row, records: FindRecord, *, attendance: bool) -> dict[str, Any]:
    """Return the entry of a known person; the function's own where there is one."""
    if row.found and row.found.get("name") == row.name:
        return dict(row.found)
    status, major, year = _record(row.name, records)
    person: dict[str, Any] = {"name": row.name, "major": major, "year": year}
    if row.distance is not None:
        person["distance"] = round(row.distance, 3)
    if attendance:
        person |= {"status": status, **row.times()}
    return person


def status_of(row: Row, records: FindRecord) -> str:
    """Return the status of one row."""
    if own := row.cells.get("status") or row.found.get("status"):
        return str(own)
    return _record(row.name, records)[0] if row.name else "unknown_face"


def _cells(row: Row, records: FindRecord) -> dict[str, str]:
    status, major, year = _record(row.name, records) if row.name else ("unknown_face", "", "")
    if row.found:
        major, year = str(row.found.get("major", major)), str(row.found.get("year", year))
        status = str(row.found.get("status", status))
    times = row.times()
    spans = " ".join(f"{first / 1000}-{last / 1000}" for first, last in row.spans)
    return {
        "major": major,
        "year": year,
        "status": status,
        **{name: str(times[name]) for name in times if name != "spans"},
        "spans": spans,
    }


def _record(name: str, records: FindRecord) -> tuple[str, str, str]:
    found = records(name)
    return ("no_record", "", "") if found is None else ("matched", *found)


def _spans(cells: Mapping[str, str]) -> Spans:
    """Read the spans of a row; those of an older release's CSV are from first to last."""
    if text := cells.get("spans"):
        pairs = (span.split("-") for span in text.split(" "))
        return tuple((_milliseconds(first), _milliseconds(last)) for first, last in pairs)
    if cells.get("first_s") and cells.get("last_s"):
        return ((_milliseconds(cells["first_s"]), _milliseconds(cells["last_s"])),)
    return ()


def _milliseconds(seconds: str) -> int:
    return round(float(seconds) * 1000)
