"""The time limit of one video, which ends the work before Lambda's own time-out does."""

import time
from collections.abc import Callable
from typing import Protocol

# Seconds kept back for the look-ups, the CSV and the message, retries included.
_RESERVE_S = 5.0

# The reserve's largest share of a short limit, so that some frames are still examined.
_RESERVE_SHARE = 0.25


class OutOfTime(Exception):
    """The time limit of a video has passed."""


class LambdaContext(Protocol):
    """The part of the context object that the function uses."""

    def get_remaining_time_in_millis(self) -> int: ...


class Deadline:
    """A moment after which `check` raises OutOfTime."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @classmethod
    def share(cls, context: LambdaContext, videos: int) -> "Deadline":
        """Return the deadline of the next of `videos`, which share the remaining time."""
        share = context.get_remaining_time_in_millis() / 1000 / videos
        return cls(share - min(_RESERVE_S, share * _RESERVE_SHARE))

    def check(self, needed_s: float = 0.0) -> None:
        """Raise OutOfTime unless `needed_s` seconds are left."""
        if self._clock() + needed_s > self._end:
            raise OutOfTime
