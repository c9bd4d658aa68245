"""What a demo ends with: the table, the checks, and the same for other programs."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hybridsphere.demo.narrow import narrow_table
from hybridsphere.files import write_whole
from hybridsphere.ledger.ledger import Upload
from hybridsphere.messages import Person, Result
from hybridsphere.screen import plain
from hybridsphere.workload.verdict import Check

_TEXTS = ("video", "status", "person", "major", "year")
_STYLES = {"matched": "green", "no_record": "yellow", "unreadable": "red", "failed": "bold red"}


def message(row: Upload) -> dict[str, Any]:
    """The message that a row of the ledger, with a status, was written from."""
    fields = {name: getattr(row, name) for name in Result.__slots__}
    fields["people"] = tuple(Person(**person) for person in row.people)
    found: dict[str, Any] = json.loads(Result(**fields).to_json())
    return found


def write_report(path: Path, checks: Sequence[Check], messages: Sequence[dict[str, Any]]) -> None:
    """Checks and results as JSON. A check's `detail` has a line for each thing found wanting."""
    told = [
        {
            "name": check.name,
            "passed": check.passed,
            "detail": "\n".join([check.detail, *check.lines]),
        }
        for check in checks
    ]
    report = {"checks": told, "results": list(messages)}
    write_whole(path, json.dumps(report, ensure_ascii=False, indent=2) + "\n")


def print_results(messages: Sequence[dict[str, Any]], console: Console) -> None:
    """A table with a row a video; a terminal that is too narrow for all of it gets less of it."""
    table = _table(messages)
    unbounded = console.options.update(max_width=sys.maxsize)
    if console.is_terminal and console.measure(table, options=unbounded).maximum > console.width:
        # What stands at the edges of the other takes no room from this one.
        console.print(Padding(_narrow_table(messages, console.width), (1, 0)))
    else:
        console.print(table)


def _table(messages: Sequence[dict[str, Any]]) -> Table:
    table = Table(header_style="bold", box=box.SIMPLE_HEAD)
    for column in _TEXTS:
        table.add_column(column, overflow="fold")
    table.add_column("distance", justify="right")
    table.add_column("seconds", justify="right")
    for result in messages:
        table.add_row(plain(result["key"]), _status(result), *_people(result), _seconds(result))
    return table


def _narrow_table(messages: Sequence[dict[str, Any]], width: int) -> Table:
    """Without the figures, and with less of the rest where that is still too wide."""
    rows = [
        (plain(result["key"]), _status(result, before_reason="\n"), *_people(result)[:-1])
        for result in messages
    ]
    return narrow_table({name: [row[at] for row in rows] for at, name in enumerate(_TEXTS)}, width)


def _status(result: dict[str, Any], before_reason: str = " ") -> Text:
    style = _STYLES.get(result["status"], "")
    reason = [plain(f"({result['reason']})", style)] if result["reason"] else []
    return Text(before_reason).join([plain(result["status"], style), *reason])


def _people(result: dict[str, Any]) -> list[Text]:
    """Name, major, year and distance of everybody who was seen, one below the other."""
    people = result["people"]
    columns = [[str(person[name]) for person in people] for name in ("name", "major", "year")]
    # A mirrored CSV does not tell the distance.
    columns.append([f"{p['distance']:.3f}" if "distance" in p else "" for p in people])
    return [Text("\n").join(map(plain, column)) for column in columns]


def _seconds(result: dict[str, Any]) -> Text:
    if not result["started_at"] or not result["finished_at"]:
        return Text()
    start, end = (datetime.fromisoformat(result[name]) for name in ("started_at", "finished_at"))
    return plain(f"{(end - start).total_seconds():.2f}")
