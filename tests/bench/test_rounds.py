"""Rounds end with their number, or with the time."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from bench.rounds import OutOfTime, Rounds


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


def test_the_time_for_all_ends_the_rounds_of_each() -> None:
    assert list(Rounds(9, clock(10), ends_s=35).within(100)) == [1, 2]


def test_nothing_is_begun_when_the_time_is_over() -> None:
    with pytest.raises(OutOfTime):
        list(Rounds(3, clock(10), ends_s=0).within(100))


def test_a_part_has_no_more_time_than_all_of_them() -> None:
    assert Rounds(3, clock(10), ends_s=40).limited(100).ends_s == 40
    assert Rounds(3, clock(10), ends_s=40).limited(20).ends_s == 20
