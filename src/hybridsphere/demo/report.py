"""The end of a demo: the results and the checks, on the screen and for other programs."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hybridsphere.console import printable
from hybridsphere.files import write_whole
from hybridsphere.ledger.ledger import Upload
from hybridsphere.messages import Person, Result
from hybridsphere.prices import LAMBDA
from hybridsphere.screen import plain
from hybridsphere.workload.check import Check

_COLUMNS = ("video", "status", "person", "major", "year", "distance", "seconds")
_FIGURES = {"distance", "seconds"}
_STYLES = {"matched": "green", "no_record": "yellow", "unreadable": "red", "failed": "bold red"}
_WIDEST = 10_000
"""Columns of a terminal on which every table fits."""


def message(row: Upload) -> dict[str, Any]:
    """Rebuild the message of a ledger row that has a status."""
    fields = {name: getattr(row, name) for name in Result.__slots__ if name in Upload.__slots__}
    fields["people"] = tuple(Person(**person) for person in row.people)
    found: dict[str, Any] = json.loads(Result(**fields).to_json())
    return found


def write_report(path: Path, checks: Sequence[Check], messages: Sequence[dict[str, Any]]) -> None:
    """Write checks and results as JSON; a check's `detail` has a line for each fault."""
    listed = [
        {
            "name": check.name,
            "passed": check.passed,
            "detail": "\n".join([check.detail, *check.lines]),
        }
        for check in checks
    ]
    report = {"checks": listed, "results": list(messages)}
    write_whole(path, json.dumps(report, ensure_ascii=False, indent=2) + "\n")


def print_results(messages: Sequence[dict[str, Any]], console: Console) -> None:
    """Print what was found in each video: a table, or a list where a table is too wide.

    Programs get lines of tab-separated cells instead.
    """
    if not console.is_terminal:
        _print_cells(messages, console)
        return
    table = _table(messages)
    options = console.options.update(max_width=_WIDEST)
    if Measurement.get(console, options, table).maximum <= console.width:
        console.print(Padding(table, (1, 0)))
    else:
        _print_list(messages, console)


def _print_cells(messages: Sequence[dict[str, Any]], console: Console) -> None:
    """Print a header, and a line a video; several people are joined by `;`, as in an export."""
    rows = [_columns(messages), *(_cells(result, ";") for result in messages)]
    rows = [row[: len(rows[0])] for row in rows]
    # Not by rich, which makes spaces of tabs.
    console.file.writelines("\t".join(map(printable, row)) + "\n" for row in rows)


def _table(messages: Sequence[dict[str, Any]]) -> Table:
    table = Table(
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    columns = _columns(messages)
    for column in columns:
        table.add_column(column, justify="right" if column in _FIGURES else "left")
    for result in messages:
        key, status, *others = _cells(result, "\n")
        shown = others[: len(columns) - 2]
        people = (Text("\n").join(map(plain, cell.split("\n"))) for cell in shown)
        table.add_row(plain(key), plain(status, _style(result)), *people)
    return table


def _print_list(messages: Sequence[dict[str, Any]], console: Console) -> None:
    """Print a line a video, and a line below it for each person; rich wraps between words."""
    console.print()
    for result in messages:
        key, status, *_, seconds, place = _cells(result, "")
        parts = [plain(key, "bold"), plain(status, _style(result))]
        parts += [plain(f"{seconds} s")] if seconds else []
        parts += [plain(place)] if _are_several(messages) else []
        console.print(Text("  ").join(parts))
        for name, major, year, distance in _people(result):
            record = ", ".join(filter(None, (major, year)))
            console.print(plain("  " + "  ".join(filter(None, (name, record, distance)))))
    console.print()


def _columns(messages: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Return the headings; the place is one where the function ran elsewhere than in Lambda."""
    return (*_COLUMNS, "place") if _are_several(messages) else _COLUMNS


def _are_several(messages: Sequence[dict[str, Any]]) -> bool:
    return any(result.get("place") not in {None, LAMBDA} for result in messages)


def _cells(result: dict[str, Any], separator: str) -> tuple[str, ...]:
    """List what there is for each column; several people are joined by the separator."""
    reason = f" ({result['reason']})" if result["reason"] else ""
    people = list(_people(result))
    columns = zip(*people, strict=True) if people else ([] for _ in range(4))
    joined = (separator.join(column) for column in columns)
    return (
        result["key"],
        f"{result['status']}{reason}",
        *joined,
        _seconds(result),
        result.get("place") or "",
    )


def _people(result: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """List name, major, year and distance of everybody who was seen."""
    for person in result["people"]:
        # A mirrored CSV has no distance.
        distance = f"{person['distance']:.3f}" if "distance" in person else ""
        yield str(person["name"]), str(person["major"]), str(person["year"]), distance


def _style(result: dict[str, Any]) -> str:
    return _STYLES.get(result["status"], "")


def _seconds(result: dict[str, Any]) -> str:
    if not result["started_at"] or not result["finished_at"]:
        return ""
    start, end = (datetime.fromisoformat(result[name]) for name in ("started_at", "finished_at"))
    return f"{(end - start).total_seconds():.2f}"
