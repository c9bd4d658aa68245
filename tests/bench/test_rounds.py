"""Rounds end with their number, or with the time."""

from collections.abc import Callable, Iterator
from itertools import count

from bench.rounds import Rounds


def clock(step_s: float) -> Callable[[], float]:
    """A clock that goes on by so much each time it is read."""
    times: Iterator[float] = (number * step_s for number in count())
    return lambda: next(times)


def test_there_are_as_many_as_wished() -> None:
    assert list(Rounds(3, clock(1)).within(60)) == [1, 2, 3]


def test_none_is_begun_that_would_not_end_in_time() -> None:
    assert list(Rounds(9, clock(10)).within(35)) == [1, 2, 3]


def test_there_is_always_one() -> None:
    assert list(Rounds(3, clock(100)).within(1)) == [1]
