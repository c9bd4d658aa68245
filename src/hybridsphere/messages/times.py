"""Moments, in the one form that messages, the ledger and the log use."""

from datetime import UTC, datetime


def utc_text(moment: datetime | None = None) -> str:
    """Format a moment, by default now, as `2026-11-21T00:00:00.000Z`; a naive one counts as UTC."""
    if moment is None:
        # Every message needs some, and a conversion takes as long again.
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if moment.tzinfo:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"
