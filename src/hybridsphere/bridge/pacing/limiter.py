"""How many calls may be under way at once, found out by trying."""

import asyncio
from types import TracebackType

START = 4

PROBE_EVERY = 12
"""Accepted calls before one more is tried, at least: of few at once, one is soon too many."""


class Limiter:
    """Additive increase, multiplicative decrease, between 1 and `most`; used with `async with`.

    The limit doubles with every round of accepted calls until the first is throttled, then grows by
    one a round: the congestion avoidance of TCP (RFC 5681), with calls in place of segments. A
    round is a limit's worth of accepted calls, but never under PROBE_EVERY.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(min(START, most))
        self._running = 0
        self._probing = True
        self._to_ignore = 0
        # As many places as the limit allows, taken or free; the semaphore keeps callers in line.
        self._places = self.limit
        self._free = asyncio.Semaphore(self._places)

    @property
    def limit(self) -> int:
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
        # A place goes, and as many come as the limit has room for: one, unless it moved.
        self._places -= 1
        while self._places < self.limit:
            self._places += 1
            self._free.release()

    def accepted(self) -> None:
        """A call went through."""
        self._to_ignore = max(0, self._to_ignore - 1)
        step = 1 if self._probing else 1 / max(self._limit, PROBE_EVERY)
        self._limit = min(self._most, self._limit + step)

    def throttled(self) -> None:
        """A call was turned away; those under way with it tell the same story and count once."""
        self._fall(probing=False)

    def failed(self) -> None:
        """A call came to nothing: how many are admitted is found out anew, from fewer."""
        self._fall(probing=True)

    def _fall(self, *, probing: bool) -> None:
        if self._to_ignore:
            self._to_ignore -= 1
            return
        self._probing = probing
        self._limit = max(1.0, self._limit / 2)
        self._to_ignore = self._running - 1
