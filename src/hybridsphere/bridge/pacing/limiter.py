"""The number of concurrent calls that a service accepts, found by probing."""

import asyncio
from types import TracebackType

START = 4

PROBE_EVERY = 12
"""Accepted calls, at least, before one more is tried: with few at once, one more is a lot."""


class Limiter:
    """Additive increase, multiplicative decrease, between 1 and `most`; used with `async with`.

    The limit doubles with every round of accepted calls until the first is throttled, then grows by
    one a round. This is TCP's congestion avoidance (RFC 5681), with calls for segments. A round is
    a limit's worth of accepted calls, but at least PROBE_EVERY.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(min(START, most))
        self._running = 0
        self._probing = True
        self._to_ignore = 0
        # The limit's places, taken and free; the semaphore serves callers in order.
        self._places = self.limit
        self._free = asyncio.Semaphore(self._places)

    @property
    def limit(self) -> int:
        """Calls that may run at once."""
        return int(self._limit)

    async def __aenter__(self) -> None:
        await self._free.acquire()
        self._running += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running -= 1
        # This place goes; the limit decides how many replace it, usually one.
        self._places -= 1
        while self._places < self.limit:
            self._places += 1
            self._free.release()

    def accepted(self) -> None:
        """Report an accepted call."""
        self._to_ignore = max(0, self._to_ignore - 1)
        step = 1 if self._probing else 1 / max(self._limit, PROBE_EVERY)
        self._limit = min(self._most, self._limit + step)

    def throttled(self) -> None:
        """Report a throttled call; those that ran beside it count only once."""
        self._fall(probing=False)

    def failed(self) -> None:
        """Report a failed call: the limit falls, and is probed again from there."""
        self._fall(probing=True)

    def _fall(self, *, probing: bool) -> None:
        if self._to_ignore:
            self._to_ignore -= 1
            return
        self._probing = probing
        self._limit = max(1.0, self._limit / 2)
        self._to_ignore = self._running - 1
