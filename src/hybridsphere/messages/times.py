"""Moments, in the one form that messages, the ledger and the log use."""

import time
from datetime import UTC, datetime

# The latest second, and its text: every message needs moments, and formatting takes as long again.
_second: tuple[int, str] = (-1, "")


def now_text(digits: int = 3) -> str:
    """Format the present moment, with so many digits after the second, at most nine."""
    global _second  # noqa: PLW0603 - replaced whole, so threads may share it
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    known = _second
    if known[0] != seconds:
        known = _second = seconds, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{known[1]}.{nanoseconds // 10 ** (9 - digits):0{digits}}Z"


def utc_text(moment: datetime | None = None) -> str:
    """Format a moment, by default now, as `2026-11-21T00:00:00.000Z`; a naive one counts as UTC."""
    if moment is None:
        return now_text()
    if moment.tzinfo:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"
