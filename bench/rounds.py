"""Rounds to take a median of: as many as wished, as long as there is time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rounds:
    """At most so many rounds; none is begun that would not end within `seconds`, but for the first.

    On a busy machine there are fewer then, and the whole still comes to its end.
    """

    most: int
    clock: Callable[[], float] = time.monotonic

    def within(self, seconds: float) -> Iterator[int]:
        """The numbers of the rounds, from 1 on."""
        began_s = self.clock()
        for number in range(1, self.most + 1):
            yield number
            taken_s = self.clock() - began_s
            if taken_s + taken_s / number > seconds:
                return
