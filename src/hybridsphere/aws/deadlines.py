"""The total times of calls, by one timer for all that have the same limit."""

import asyncio
from typing import Protocol


class Waiting(Protocol):
    """A call that waits for its answer."""

    def expire(self, limit_s: float) -> None:
        """End the call with a TimeoutError."""


class Deadlines:
    """Calls that may take `limit_s` seconds each; those that take longer are ended.

    A timer of asyncio for each call would take as long as its signature.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._loop = asyncio.get_running_loop()
        # In the order of their ends.
        self._calls: dict[Waiting, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, call: Waiting) -> None:
        """End a call if it is not removed in time."""
        at = self._loop.time() + self._limit_s
        self._calls[call] = at
        if self._timer is None:
            self._timer = self._loop.call_at(at, self._look)

    def remove(self, call: Waiting) -> None:
        """Let a call go, whether it was ended or not."""
        self._calls.pop(call, None)

    def _look(self) -> None:
        """End the calls that are late, and look again when the next may be."""
        self._timer = None
        now = self._loop.time()
        for call in [call for call, at in self._calls.items() if at <= now]:
            del self._calls[call]
            call.expire(self._limit_s)
        if self._calls and self._timer is None:
            self._timer = self._loop.call_at(next(iter(self._calls.values())), self._look)
