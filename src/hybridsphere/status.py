"""What a bridge has done and how it is, in plain words."""

import http.client
import json
from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.table import Table

from hybridsphere.delays import figures, invocation_delay_s
from hybridsphere.ledger import Ledger, Upload
from hybridsphere.messages import STATUSES
from hybridsphere.settings import Settings
from hybridsphere.terminal import plain

_FAILURES_SHOWN = 5
_TIMEOUT_S = 2.0


def show(settings: Settings, console: Console) -> None:
    """Print what the ledger says, and how the bridge is, if it answers at HYBRIDSPHERE_HTTP.

    Raises LedgerError where there is no ledger.
    """
    console.print(plain(f"bridge: {_readiness(settings.http)}"))
    with Ledger.read(settings.results_dir) as ledger:
        counts = ledger.counts()
        summary = Summary.of(ledger.uploads())
    table = Table.grid(padding=(0, 2))
    for status in STATUSES:
        table.add_row(status, str(counts.get(status, 0)))
    table.add_row("waiting for a result", str(counts.get(None, 0)))
    console.print(table)
    console.print(plain(f"last stored: {summary.last_stored or 'nothing yet'}"))
    if summary.delays_s:
        console.print(plain(f"receipt to invocation: {figures(summary.delays_s)}"))
    if summary.failures:
        console.print("last failures:")
    for row in summary.failures:
        console.print(plain(f"  {row.stored_at}  {row.key}: {row.reason}", "red"), soft_wrap=True)


@dataclass(slots=True)
class Summary:
    """What is kept of the ledger while reading through it, which may hold millions of rows."""

    last_stored: str | None = None
    delays_s: array[float] = field(default_factory=lambda: array("d"))
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


def _readiness(address: tuple[str, int] | None) -> str:
    """What `/readyz` says at an address of the settings."""
    if address is None or address[1] == 0:
        return "unknown, since HYBRIDSPHERE_HTTP names no fixed port"
    host, port = address
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read())
        troubles = [f"{part}: {reason}" for part, reason in answer["troubles"].items()]
    except OSError as error:
        return f"does not answer at {host}:{port} ({error.strerror or error})"
    except (http.client.HTTPException, ValueError, LookupError, TypeError, AttributeError):
        return f"something else answers at {host}:{port}"
    finally:
        connection.close()
    return "; ".join(troubles) or "ready"
