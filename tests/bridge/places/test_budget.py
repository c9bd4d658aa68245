"""What Lambda may cost a day."""

import pytest

from hybridsphere.bridge.places import budget as module
from hybridsphere.bridge.places.budget import FIRST_GUESS_USD, Budget
from hybridsphere.ledger.costs import Spending


class Book:
    """A ledger's sum, and the moments that were asked for."""

    def __init__(self) -> None:
        self.spending = Spending()
        self.asked: list[str] = []

    async def read(self, since: str) -> Spending:
        self.asked.append(since)
        return self.spending


async def test_nothing_is_allowed_before_the_ledger_was_read() -> None:
    budget = Budget(1.0, Book().read)
    assert not budget.allows
    await budget.refresh()
    assert budget.allows


async def test_calls_without_a_result_count_with_the_average() -> None:
    book = Book()
    book.spending = Spending(usd=0.4, priced=4, unpriced=3)
    budget = Budget(1.0, book.read)
    await budget.refresh()
    assert budget.spent_usd == pytest.approx(0.7)
    budget.note_call()
    budget.note_call()
    assert budget.allows
    budget.note_call()
    assert budget.spent_usd == pytest.approx(1.0)
    assert not budget.allows
    # By then the ledger knows of the three.
    book.spending = Spending(usd=0.4, priced=4, unpriced=6)
    await budget.refresh()
    assert not budget.allows


async def test_the_first_calls_count_with_a_guess() -> None:
    budget = Budget(2.5 * FIRST_GUESS_USD, Book().read)
    await budget.refresh()
    for _ in range(3):
        assert budget.allows
        budget.note_call()
    assert not budget.allows


async def test_a_new_day_has_its_own_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book()
    days = iter(["2026-11-21T00:00:00.000Z"] * 2 + ["2026-11-22T00:00:00.000Z"] * 3)
    monkeypatch.setattr(module, "_today", lambda: next(days))
    book.spending = Spending(usd=0.5, priced=1)
    budget = Budget(1.0, book.read)
    await budget.refresh()
    assert budget.allows
    assert not budget.allows, "yesterday's figures say nothing"
    await budget.refresh()
    assert budget.allows
    assert book.asked == ["2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z"]
