"""The daily limit on the cost of Lambda."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from hybridsphere.ledger.costs import Spending
from hybridsphere.messages import utc_text

REFRESH_S = 5.0

FIRST_GUESS_USD = 0.0002
"""The cost of a video before any is known: some six seconds with 2 GB."""

Read = Callable[[str], Awaitable[Spending]]
"""A call that sums up what Lambda has cost since a moment."""


class Budget:
    """The spending of one day in UTC, by the ledger.

    Calls without a known cost count with the average, so results that are late do not let the
    day's spending pass the limit.
    """

    def __init__(self, limit_usd: float, read: Read) -> None:
        self.limit_usd = limit_usd
        self._read = read
        self._day = ""
        self._known = Spending()
        self._since = 0

    @property
    def spent_usd(self) -> float:
        """The cost of the day, calls under way included."""
        known = self._known
        average = known.usd / known.priced if known.priced else FIRST_GUESS_USD
        return known.usd + average * (known.unpriced + self._since)

    @property
    def allows(self) -> bool:
        """Whether one more call fits."""
        return self._day == _today() and self.spent_usd < self.limit_usd

    def note_call(self) -> None:
        """Count a call of Lambda that the ledger does not know yet."""
        self._since += 1

    async def refresh(self) -> None:
        """Read the day's spending."""
        day, before = _today(), self._since
        known = await self._read(day)
        # Calls that were made meanwhile may be in the sum or not.
        self._since -= before
        self._day, self._known = day, known

    async def run(self) -> None:
        """Keep the figures fresh, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_S)


def _today() -> str:
    """Return the first moment of the day, as the ledger writes it."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return utc_text(midnight)
