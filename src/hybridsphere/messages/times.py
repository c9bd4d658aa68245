"""Moments, as every message, the ledger and the log write them."""

from datetime import UTC, datetime


def utc_text(moment: datetime | None = None) -> str:
    """A moment (by default now) as `2026-11-21T00:00:00.000Z`; a naive one is taken as UTC."""
    moment = moment or datetime.now(UTC)
    if moment.tzinfo:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"
