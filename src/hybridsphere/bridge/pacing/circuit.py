"""A circuit breaker: all call while a service answers, one after another while it fails."""

import asyncio
import time

from hybridsphere.aws import AwsError
from hybridsphere.bridge.pacing.backoff import Backoff


class Circuit:
    """The callers of one service, who learn from each other's calls.

    Each enters before a call, and reports afterwards whether it was answered or failed. A failure
    opens the circuit; a success of a call that began after that failure closes it.

    With `in_place`, every call concerns another thing, which may have caused a failure alone. The
    next call then waits a second at most.
    """

    def __init__(self, *, in_place: bool = False) -> None:
        self._in_place = in_place
        self._failure: AwsError | None = None
        self._backoff = Backoff()
        self._line = asyncio.Lock()
        self._entered = 0.0
        self._failed_at = 0.0
        self._answered_began = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the latest evidence about the service is a failure."""
        return self._failure is not None

    async def enter(self) -> float:
        """Wait until a call may be made; returns when it begins, by `time.monotonic`."""
        if self._failure:
            async with self._line:
                # Another caller's answer may have closed the circuit meanwhile.
                if self._failure:
                    error = None if self._in_place else self._failure
                    await self._backoff.wait(error, in_place=self._in_place, since=self._entered)
        self._entered = time.monotonic()
        return self._entered

    def answered(self, began: float) -> None:
        """Report that the call that began at `began` was answered."""
        self._answered_began = max(self._answered_began, began)
        if began > self._failed_at:
            self._failure = None
            self._backoff.reset()

    def failed(self, error: AwsError, began: float, *, missed: bool = False) -> bool:
        """Report that a call failed; returns False if a call that began later was answered.

        `missed` means that the caller did not wait long: of an open circuit it proves nothing more.
        """
        if began < self._answered_began:
            return False
        if not (missed and self._failure):
            self._failed_at = time.monotonic()
        self._failure = error
        return True
