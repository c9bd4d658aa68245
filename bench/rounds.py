"""Rounds to take a median of: as many as wished, as long as there is time."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Self


class OutOfTime(Exception):
    """The time for all measurements has run out."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """A bounded number of rounds a measurement; no round begins after `ends_s` of the clock.

    A busy machine gets fewer rounds, and the whole still ends in time.
    """

    most: int
    clock: Callable[[], float] = time.monotonic
    ends_s: float = math.inf

    def within(self, seconds: float) -> Iterator[int]:
        """The numbers of the rounds, from 1 on: after the first none that would not end in time.

        Raises OutOfTime before the first.
        """
        self.check()
        began_s = self.clock()
        seconds = min(seconds, self.ends_s - began_s)
        for number in range(1, self.most + 1):
            yield number
            taken_s = self.clock() - began_s
            if taken_s + taken_s / number > seconds:
                return

    def check(self) -> None:
        """Raises OutOfTime where nothing more is to be begun."""
        if self.clock() >= self.ends_s:
            raise OutOfTime

    def limited(self, seconds: float) -> Self:
        """Return the same rounds with an earlier end, in seconds from now."""
        return replace(self, ends_s=min(self.ends_s, self.clock() + seconds))
