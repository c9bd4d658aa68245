"""Figures about a whole ledger: by time, and quick however many rows there are."""

import itertools
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridsphere.ledger.ledger import Backlog, Ledger, Waiting
from hybridsphere.ledger.statements import DIFFERING
from hybridsphere.messages import STATUSES, Result, newest_of
from tests.ledger.ledger_stage import FIRST, SECOND, THIRD, put, write_first_schema
from tests.samples import BUCKET, record, result


def test_uploads_are_counted_by_status(ledger: Ledger) -> None:
    put(ledger, result("a.mp4"), result("b.mp4"), result("c.mp4", status="no_face"))
    with ledger.transaction():
        ledger.note_invoked(record("d.mp4"), FIRST, FIRST)
    assert ledger.counts() == {"matched": 2, "no_face": 1, None: 1}


def test_an_empty_ledger_counts_nothing(ledger: Ledger) -> None:
    assert ledger.counts() == {}
    assert ledger.last_stored() is None
    assert ledger.last_failures(5) == ledger.last_received(5) == []
    assert ledger.waiting() == Waiting(Backlog(), Backlog())


@pytest.mark.parametrize("order", list(itertools.permutations([FIRST, SECOND, THIRD])))
def test_the_last_failures_are_the_latest_by_time(ledger: Ledger, order: tuple[str, ...]) -> None:
    for at in order:
        put(ledger, Result.failed(record(f"{at}.mp4"), "why"), at=at)
    put(ledger, result())
    assert [row.stored_at for row in ledger.last_failures(2)] == [THIRD, SECOND]


@pytest.mark.parametrize("order", list(itertools.permutations([FIRST, SECOND, THIRD])))
def test_the_last_stored_result_is_the_latest_by_time(
    ledger: Ledger, order: tuple[str, ...]
) -> None:
    for status, at in zip(STATUSES, order, strict=False):
        put(ledger, result(f"{at}.mp4", status=status), at=at)
    assert ledger.last_stored() == THIRD


def test_waiting_uploads_are_counted_by_what_they_wait_for(ledger: Ledger) -> None:
    with ledger.transaction():
        for key, at in (("a.mp4", THIRD), ("b.mp4", SECOND), ("c.mp4", FIRST)):
            ledger.note_invoked(record(key), FIRST, at)
        for key, at in (("d.mp4", THIRD), ("e.mp4", SECOND)):
            ledger.count_attempt(record(key), at)
    put(ledger, result("c.mp4"))
    assert ledger.waiting() == Waiting(invocation=Backlog(2, SECOND), result=Backlog(2, SECOND))


def test_a_new_ledger_counts_since_its_creation(ledger: Ledger) -> None:
    assert ledger.created
    since = ledger.counting_since
    assert since
    put(ledger, result(), at=FIRST)
    assert ledger.counting_since == since


def test_a_ledger_counts_from_the_moment_up_to_which_it_forgot(ledger: Ledger) -> None:
    put(ledger, *(result(f"{number}.mp4") for number in range(5)), at=SECOND)
    put(ledger, result("new.mp4"), at=THIRD)
    since = ledger.counting_since
    assert since
    with ledger.transaction():
        assert ledger.expire(SECOND, 3) == 0
    assert ledger.counting_since == since
    later = "2099-01-01T00:00:00.000Z"
    with ledger.transaction():
        assert [ledger.expire(later, 3) for _ in range(3)] == [3, 3, 0]
    assert ledger.counting_since == later
    assert ledger.counts() == {}


def test_the_uploads_heard_of_last_come_first(ledger: Ledger) -> None:
    put(ledger, *(result(f"{number}.mp4") for number in range(9)))
    assert [row.key for row in ledger.last_received(3)] == ["8.mp4", "7.mp4", "6.mp4"]


ROWS = 200_000
"""A fifth of a million: the time allowed below is a fifth too."""


def test_the_figures_of_a_large_ledger_are_quick(folder: Path) -> None:
    statuses = itertools.cycle(STATUSES)
    write_first_schema(
        folder, (result(f"{number:06}.mp4", status=next(statuses)) for number in range(ROWS))
    )
    with Ledger.open(folder) as ledger:
        plans = [
            *explain(ledger, "SELECT count(*) FROM uploads WHERE status = 'failed'"),
            *explain(ledger, "SELECT max(stored_at) FROM uploads WHERE status = 'failed'"),
        ]
        assert all("USING COVERING INDEX ended" in plan for plan in plans)
        (plan,) = explain(ledger, DIFFERING.replace("?1", "''"))
        assert "USING COVERING INDEX answered_otherwise" in plan
        started = time.process_time()
        assert sum(ledger.counts().values()) == ROWS
        ledger.last_failures(5)
        ledger.last_stored()
        ledger.waiting()
        assert time.process_time() - started < 0.06


def explain(ledger: Ledger, query: str) -> list[str]:
    return [str(row[3]) for row in ledger._connection.execute(f"EXPLAIN QUERY PLAN {query}")]


VERSIONS = 20_000


def test_the_newest_of_many_versions_is_found_at_once(folder: Path) -> None:
    versions = (
        result(sequencer=f"{number:06}" if number % 2 else None, etag=f"e{number}", event_time=at)
        for number, at in enumerate(itertools.cycle([FIRST, SECOND, THIRD]))
    )
    write_first_schema(folder, itertools.islice(versions, VERSIONS))
    with Ledger.open(folder) as ledger:
        last = result(sequencer=f"{VERSIONS - 1:06}", etag=f"e{VERSIONS - 1}")
        started = time.process_time()
        for _ in range(100):
            assert ledger.is_newest(last) == ledger.is_newest(last)
        assert time.process_time() - started < 0.1


ORDERED = st.builds(
    result,
    sequencer=st.sampled_from([None, "", "0", "00", "01", "0100", "02", "0a", "0A", "é", "É"]),
    etag=st.sampled_from("ab"),
    event_time=st.sampled_from([FIRST, SECOND, THIRD]),
)


@given(st.lists(ORDERED, min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_ledger_s_newest_is_that_of_the_messages(ledger: Ledger, made: list[Result]) -> None:
    key = uuid4().hex
    uploads = [replace(one, key=key) for one in made]
    put(ledger, *uploads)
    kept = list({one.version.id: one for one in reversed(uploads)}.values())
    expected = newest_of(kept, lambda one: one.version)
    found = ledger.newest(BUCKET, key)
    assert expected
    assert found
    assert found.version == expected.version.id
    assert [ledger.is_newest(one) for one in kept].count(True) == 1
