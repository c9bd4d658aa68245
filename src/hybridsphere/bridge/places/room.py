"""How many calls one place takes at once, and how long it takes for them."""

import time

from hybridsphere.bridge.pacing.limiter import PROBE_EVERY, START

FIRST_GUESS_S = 0.1
"""The time of a video until the first has ended: short, so that a start sends nothing away."""

WEIGHT = 0.1
"""The share of the latest video in the average: about the last twenty count."""

FULL_S = 1.0
"""How long a place that others fill is left alone."""


class Room:
    """The places of one host: the limit that it lets through, and who has a place.

    The limit doubles with every round of answers until the first throttled call, as in Limiter.
    From then on it is what the host ran beside that call, and one more is tried every PROBE_EVERY
    answers: a host without a queue says exactly how much it has. A host may also announce its room.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(min(START, most))
        self._probing = True
        self._begun: dict[object, float] = {}
        self._average_s: float | None = None
        self._closed_until = 0.0

    @property
    def limit(self) -> int:
        """Calls that may run at once."""
        return int(self._limit)

    @property
    def running(self) -> int:
        return len(self._begun)

    @property
    def free(self) -> int:
        """Calls that may begin now."""
        if time.monotonic() < self._closed_until:
            return 0
        return max(0, self.limit - self.running)

    @property
    def rate(self) -> float:
        """Uploads a second that the place finishes while it is full."""
        return self.limit / self._video_s()

    def announced(self, room: int | None) -> None:
        """Begin with the limit that a host has announced; None where it does not.

        The limit still grows: several hosts may answer at one address.
        """
        if room:
            self._limit = float(min(self._most, room))

    def begin(self) -> object:
        """Take a place; returns what `end` wants."""
        call = object()
        self._begun[call] = time.monotonic()
        return call

    def end(self, call: object) -> float:
        """Give a place back; returns the seconds that it was taken."""
        return time.monotonic() - self._begun.pop(call)

    def answered(self, seconds: float) -> None:
        """Report an answered call and its time; reported before its place is given back."""
        last = self._average_s
        self._average_s = seconds if last is None else last + WEIGHT * (seconds - last)
        # A limit that is not used says nothing about the host.
        if 2 * self.running > self.limit or self._probing:
            step = 1 if self._probing else 1 / max(self._limit, PROBE_EVERY)
            self._limit = min(self._most, self._limit + step)

    def throttled(self) -> None:
        """Report a throttled call; reported before its place is given back."""
        others = self.running - 1
        self._probing = False
        # Calls that began beside it may be throttled too: each lowers the limit by one at least.
        self._limit = float(max(1, min(others, self.limit)))
        if not others:
            # Another bridge's calls fill it.
            self._closed_until = time.monotonic() + FULL_S

    def _video_s(self) -> float:
        """Return the time of a video: the average, or the age of those that run if they are old."""
        ages = 0.0
        if self._begun:
            now = time.monotonic()
            ages = sum(now - began for began in self._begun.values()) / len(self._begun)
        return max(self._average_s or FIRST_GUESS_S, ages, 0.001)
