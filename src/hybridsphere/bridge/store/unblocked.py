"""The wait for a place that takes no file."""

from collections.abc import Awaitable, Callable
from typing import Any

from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.ledger.csv_files import Blocked

Aside = Callable[[], bool]
"""A call before a wait: it frees the room of what waits, or returns False where too many wait."""


def always() -> bool:
    """Allow every wait."""
    return True


async def unblocked(
    write: Callable[[], Awaitable[Any]], aside: Aside, *, health: Health, metrics: Metrics
) -> Any:
    """Write files until none of their places is blocked; the blocked place is a trouble meanwhile.

    Raises Blocked if `aside` allows no wait.
    """
    backoff = Backoff()
    part: str | None = None
    try:
        while True:
            try:
                return await write()
            except Blocked as error:
                if part not in {None, f"file {error.filename}"}:
                    # Another place was blocked, and is free by now.
                    health.clear(part)
                part = f"file {error.filename}"
                metrics.storage_errors.inc()
                health.report(part, str(error))
                if not aside():
                    raise
                await backoff.wait(error)
    finally:
        if part:
            health.clear(part)
