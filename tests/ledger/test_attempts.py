"""Attempts: the highest counts in any order, and answers and debts follow it."""

import itertools

import pytest

from hybridsphere.ledger.ledger import Answer, Ledger
from hybridsphere.messages import Result, faces_key
from tests.ledger.ledger_stage import FIRST, SECOND, THIRD, put
from tests.samples import BUCKET, record, result


def attempt(number: int, status: str = "matched") -> Result:
    return result(attempt=number, status=status, csv=f"{status} {number}", place="home", cold=True)


OUTCOMES = [attempt(1), attempt(2, "no_face"), attempt(3, "failed"), attempt(1, "failed")]


@pytest.mark.parametrize("order", list(itertools.permutations(OUTCOMES)))
def test_the_highest_attempt_that_did_not_fail_counts_in_any_order(
    ledger: Ledger, order: tuple[Result, ...]
) -> None:
    for one in order:
        put(ledger, one)
    (row,) = ledger.uploads()
    assert (row.status, row.attempt, row.csv) == ("no_face", 2, "no_face 2")
    assert (row.place, row.cold) == ("home", True)


def test_a_higher_attempt_that_failed_replaces_a_lower_one_that_failed(ledger: Ledger) -> None:
    assert put(ledger, attempt(1, "failed"), attempt(2, "failed")) == [True, True]
    assert put(ledger, attempt(1, "failed"), attempt(2, "failed")) == [False, False]


def test_a_higher_attempt_is_to_be_done_and_then_done(ledger: Ledger) -> None:
    second = record(attempt=2)
    with ledger.transaction():
        ledger.note_invoked(record(), FIRST, FIRST)
        assert ledger.is_done(record())
        assert not ledger.is_done(second)
        ledger.note_invoked(second, SECOND, THIRD)
        assert ledger.is_done(second)
        ledger.note_invoked(record(), THIRD, THIRD)
    (row,) = ledger.uploads()
    assert (row.received_at, row.invoked_at) == (SECOND, THIRD)


def test_errors_are_counted_for_each_attempt_alone(ledger: Ledger) -> None:
    with ledger.transaction():
        assert [ledger.count_attempt(record(), FIRST) for _ in range(3)] == [1, 2, 3]
        again = record(attempt=2)
        assert [ledger.count_attempt(again, SECOND) for _ in range(2)] == [1, 2]
        assert not ledger.is_done(again)


def test_a_result_with_faces_is_a_debt_until_it_is_paid(ledger: Ledger) -> None:
    key = faces_key("a.mp4")
    put(ledger, result("a.mp4", faces_key=key, faces=2), result("b.mp4"))
    (debt,) = ledger.due(SECOND, 9)
    assert (debt.key, debt.version, debt.faces_key) == ("a.mp4", "01:e1", key)
    assert ledger.due("2026-11-20", 9) == []
    with ledger.transaction():
        ledger.postpone(debt, THIRD)
    assert ledger.due(SECOND, 9) == []
    (debt,) = ledger.due(THIRD, 9)
    assert debt.tries == 1
    with ledger.transaction():
        ledger.pay(debt, "gone")
    assert ledger.count_due() == 0
    row = ledger.upload(BUCKET, "a.mp4", "01:e1")
    assert row
    assert (row.faces, row.faces_note) == (2, "gone")


def test_the_debt_of_a_later_attempt_survives_the_payment_of_an_earlier(ledger: Ledger) -> None:
    put(ledger, result(faces_key=faces_key("test_0.mp4")))
    (earlier,) = ledger.due(THIRD, 9)
    put(ledger, result(faces_key=faces_key("test_0.mp4"), attempt=2), at=SECOND)
    with ledger.transaction():
        ledger.postpone(earlier, "2026-12-01")
        ledger.pay(earlier, "gone")
    (debt,) = ledger.due(THIRD, 9)
    assert (debt.attempt, debt.tries) == (2, 0)
    (row,) = ledger.uploads()
    assert row.faces_note is None


def test_another_result_of_an_answered_version_is_to_be_derived_again(ledger: Ledger) -> None:
    put(ledger, result())
    assert ledger.count_due() == 0
    with ledger.transaction():
        ledger.put_answer(BUCKET, "test_0.mp4", "01:e1", Answer("no_face", [], "x"), FIRST)
    put(ledger, result(attempt=2, csv="y"))
    (debt,) = ledger.due(THIRD, 9)
    assert debt.faces_key is None
    (row,) = ledger.uploads()
    assert (row.csv, row.effective_csv, row.effective_people) == ("y", "x", [])
