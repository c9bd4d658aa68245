"""How long events waited for their invocation, once the bridge had them."""

import statistics
from collections.abc import Sequence
from datetime import datetime

from hybridsphere.ledger.ledger import Upload


def invocation_delay_s(row: Upload) -> float | None:
    """Measure the seconds from receipt to invocation; None for a row without both."""
    if row.received_at is None or row.invoked_at is None:
        return None
    delay = datetime.fromisoformat(row.invoked_at) - datetime.fromisoformat(row.received_at)
    return delay.total_seconds()


def figures(delays_s: Sequence[float]) -> str:
    """Write the median and the maximum of at least one delay."""
    median, longest = statistics.median(delays_s), max(delays_s)
    return f"median {median * 1000:.0f} ms, longest {longest * 1000:.0f} ms"
