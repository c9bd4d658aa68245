"""Where videos ran, and what they cost."""

from dataclasses import replace
from pathlib import Path

import pytest

from hybridsphere.commands.cost import Bill, dollars
from hybridsphere.ledger.costs import Spending
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import Result
from hybridsphere.prices import cost_usd, lambda_usd
from tests.ledger.ledger_stage import FIRST, SECOND, THIRD, put, write_first_schema
from tests.samples import record


def result(key: str, place: str | None = None, billed_ms: int | None = 1000) -> Result:
    failed = Result.failed(replace(record(), key=key), "none")
    return replace(
        failed, status="no_face", reason=None, place=place, billed_ms=billed_ms, memory_mb=2048
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger_path(tmp_path).parent.mkdir(parents=True)
    return Ledger.open(tmp_path)


def test_the_price_is_that_of_the_list() -> None:
    # 2 GB for a second, and a request.
    assert lambda_usd(1000, 2048) == pytest.approx(2 * 0.0000166667 + 0.0000002)
    assert lambda_usd(1000, 1024, "arm64") == pytest.approx(0.0000133334 + 0.0000002)
    assert cost_usd("home", 1000, 2048) == 0
    assert cost_usd(None, 1000, 2048) is None
    assert cost_usd("lambda", None, 2048) is None


def test_places_are_summed_up_since_a_moment(ledger: Ledger) -> None:
    put(ledger, result("old", "lambda"), at=FIRST)
    put(ledger, result("a", "home"), result("b", "home", 500), at=SECOND)
    put(ledger, result("c", "lambda"), result("d"), at=THIRD)
    bill = Bill(ledger.by_place(SECOND))
    assert (bill.home, bill.cloud, bill.unknown) == (2, 1, 1)
    assert bill.usd == pytest.approx(lambda_usd(1000, 2048))
    # Without a place the figures are still those of a video.
    assert bill.all_in_cloud_usd == pytest.approx(
        3 * lambda_usd(1000, 2048) + lambda_usd(500, 2048)
    )
    assert "at home 2, in the cloud 1, unknown 1, " in bill.sentence
    assert Bill(ledger.by_place("")).cloud == 2


def test_the_days_spending_counts_what_has_no_result_yet(ledger: Ledger) -> None:
    put(ledger, result("a", "lambda"), result("b", "home"), result("c", None), at=SECOND)
    with ledger.transaction():
        ledger.note_invoked(replace(record(), key="waits"), FIRST, SECOND)
        ledger.note_invoked(replace(record(), key="older"), FIRST, FIRST)
    assert ledger.spending(SECOND) == Spending(pytest.approx(lambda_usd(1000, 2048)), 1, 2)
    assert ledger.spending(THIRD) == Spending()


def test_a_ledger_of_an_older_release_has_no_costs(tmp_path: Path) -> None:
    write_first_schema(tmp_path, [result("a")])
    with Ledger.read(tmp_path) as ledger:
        assert ledger.by_place("") == []
        assert ledger.spending("") == Spending()


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0, "0"), (12.3, "12.30"), (0.011, "0.011"), (0.00152, "0.0015"), (0.4, "0.40")],
)
def test_amounts_have_cents_at_least(usd: float, text: str) -> None:
    assert dollars(usd) == text
