"""Who may call next: all at once while a service answers, one after another while it fails."""

import asyncio

from hybridsphere.aws import AwsError
from hybridsphere.bridge.pacing.backoff import Backoff


class Turns:
    """The callers of one service, who learn from one another how it is.

    Each takes its turn before a call, and says afterwards whether that was answered or failed.
    Where each call is about something else, `in_place`, a failure can be the thing's own: whatever
    it is, the next call waits a second at most. Times are those of the loop's clock.
    """

    def __init__(self, *, in_place: bool = False) -> None:
        self._in_place = in_place
        self._trouble: AwsError | None = None
        self._backoff = Backoff()
        self._line = asyncio.Lock()
        self._taken = 0.0
        self._answered = 0.0

    @property
    def in_trouble(self) -> bool:
        """Whether the last that was heard of the service is a failure."""
        return self._trouble is not None

    async def take(self) -> float:
        """Return at once, or in trouble when it is time for another try; returns the time."""
        if self._trouble:
            async with self._line:
                # It may be over meanwhile, by the answer that somebody else got.
                if self._trouble:
                    error = None if self._in_place else self._trouble
                    await self._backoff.wait(error, in_place=self._in_place, since=self._taken)
        self._taken = _now()
        return self._taken

    def answered(self) -> None:
        self._answered = _now()
        self._trouble = None
        self._backoff.reset()

    def failed(self, error: AwsError, taken: float) -> bool:
        """Say that the call of a turn failed; False if somebody has got an answer since."""
        if taken < self._answered:
            return False
        self._trouble = error
        return True


def _now() -> float:
    return asyncio.get_running_loop().time()
