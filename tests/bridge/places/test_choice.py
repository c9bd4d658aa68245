"""The choice between home and Lambda."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridsphere.bridge.places.choice import Situation, foreseen_s, overflow


def situation(**known: float) -> Situation:
    usual = {"waiting": 0, "behind": 0, "free": 0, "rate": 2.0, "longest_s": 30.0}
    return Situation(**{**usual, **known})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "seconds", "excess"),
    [
        ({}, 0, 0),
        ({"waiting": 1, "free": 1}, 0, 0),
        ({"waiting": 10}, 5, 0),
        ({"waiting": 60}, 30, 0),
        ({"waiting": 61}, 30.5, 1),
        ({"waiting": 30, "behind": 40}, 35, 10),
        ({"waiting": 5, "behind": 500}, 252.5, 5),
        ({"waiting": 64, "free": 4}, 30, 0),
        ({"waiting": 3, "rate": 0}, math.inf, 3),
        ({"waiting": 3, "rate": 0, "free": 3}, 0, 0),
        ({"waiting": 3, "longest_s": 0}, 1.5, 3),
        ({"waiting": 10, "overdue": 2}, 5, 2),
    ],
)
def test_what_home_cannot_begin_in_time_overflows(
    known: dict[str, float], seconds: float, excess: int
) -> None:
    assert foreseen_s(situation(**known)) == seconds
    assert overflow(situation(**known)) == excess


@given(
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.integers(0, 50),
    st.floats(0, 100),
    st.floats(0, 600),
)
def test_the_rest_begins_in_time(
    waiting: int, behind: int, free: int, rate: float, longest_s: float
) -> None:
    here = Situation(waiting, behind, free, rate, longest_s)
    excess = overflow(here)
    assert 0 <= excess <= waiting
    after = Situation(waiting - excess, behind, free, rate, longest_s)
    if excess < waiting:
        assert foreseen_s(after) <= longest_s + 1e-6
    # None goes that would have begun in time.
    if excess:
        one_less = Situation(waiting - excess + 1, behind, free, rate, longest_s)
        assert foreseen_s(one_less) > longest_s - 1e-6 or rate == 0
