"""How long a video may be looked at, so that the function ends by itself and never by time-out."""

import time
from collections.abc import Callable
from typing import Protocol

# What is left for the look-ups, the CSV and the message, retries included.
_RESERVE_S = 5.0

# Of a short time limit the reserve is at most this part, so that something is still looked at.
_RESERVE_SHARE = 0.25


class OutOfTime(Exception):
    """The time for looking at a video is over."""


class LambdaContext(Protocol):
    """What Lambda gives the function with each event, as far as it is used."""

    def get_remaining_time_in_millis(self) -> int: ...


class Deadline:
    """A moment after which `check` raises OutOfTime."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @classmethod
    def share(cls, context: LambdaContext, videos: int) -> "Deadline":
        """The deadline of the next of `videos`, which share what is left of Lambda's time."""
        share = context.get_remaining_time_in_millis() / 1000 / videos
        return cls(share - min(_RESERVE_S, share * _RESERVE_SHARE))

    def check(self, needed_s: float = 0.0) -> None:
        """Raises OutOfTime unless `needed_s` seconds are left."""
        if self._clock() + needed_s > self._end:
            raise OutOfTime
