"""What a bridge has done and how it is, in plain words."""

from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rich.console import Console

from hybridsphere.commands.bridge_client import asked
from hybridsphere.ledger.delays import figures, invocation_delay_s
from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.messages import STATUSES
from hybridsphere.screen import plain
from hybridsphere.settings import Settings

_FAILURES_SHOWN = 5

_LOGGED = {"output bucket": "object.rejected"}
"""What the log calls it where it is no message of a queue that is rejected."""


def show(settings: Settings, console: Console) -> bool:
    """Print what the ledger says, and how the bridge is, if it answers at HYBRIDSPHERE_HTTP.

    Whether it is well, as far as anybody can tell. Raises LedgerError where there is no ledger.
    """
    bridge = asked(settings.http)
    well = bridge.well
    _print(console, f"bridge: {bridge.answer}", "" if well else "red")
    for source, count in bridge.rejected.items():
        _print(console, _rejected(source, count), "red")
    with Ledger.read(settings.results_dir) as ledger:
        served = bridge.input_bucket
        if served and (owner := ledger.owner(served)) and owner != served:
            well = False
            _print(console, _another(served, owner, settings.results_dir), "red")
        counts = ledger.counts()
        summary = Summary.of(ledger.uploads())
    for status in (*STATUSES, None):
        _print(console, f"{status or 'waiting for a result':<20}  {counts.get(status, 0)}")
    _print(console, f"last stored: {summary.last_stored or 'nothing yet'}")
    if summary.delays_s:
        _print(console, f"receipt to invocation: {figures(summary.delays_s)}")
    if summary.failures:
        _print(console, "last failures:")
    for row in summary.failures:
        _print(console, f"  {row.stored_at}  {row.key}: {row.reason}", "red")
    return well


@dataclass(slots=True)
class Summary:
    """What is kept of the ledger while reading through it, which may hold millions of rows."""

    last_stored: str | None = None
    delays_s: "array[float]" = field(default_factory=lambda: array("d"))
    failures: deque[Upload] = field(default_factory=lambda: deque(maxlen=_FAILURES_SHOWN))

    @classmethod
    def of(cls, rows: Iterable[Upload]) -> Self:
        summary = cls()
        for row in rows:
            summary.last_stored = max(summary.last_stored or "", row.stored_at or "") or None
            if (delay := invocation_delay_s(row)) is not None:
                summary.delays_s.append(delay)
            if row.status == "failed":
                summary.failures.append(row)
        return summary


def _print(console: Console, line: str, style: str = "") -> None:
    console.print(plain(line, style), soft_wrap=True)


def _rejected(source: str, count: int) -> str:
    place = source if source in _LOGGED else f"{source} queue"
    event = _LOGGED.get(source, "message.rejected")
    return f"rejected since its start: {count} of the {place}; the log's {event} says why"


def _another(bucket: str, owner: str, folder: Path) -> str:
    return (
        f"bridge: the one that answers serves {bucket}, and {folder} has the results of {owner}: "
        "correct HYBRIDSPHERE_HTTP or HYBRIDSPHERE_RESULTS_DIR"
    )
