"""Ledgers of older releases: read as they are, migrated when a bridge first opens them."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridsphere.ledger.ledger import Ledger, LedgerError, ledger_path
from hybridsphere.messages import Person, Result
from tests.ledger.ledger_stage import FIRST, SECOND, put, write_first_schema
from tests.samples import BUCKET, record, result

OLD = [result("a.mp4"), result("b.mp4", sequencer=None), record("c.mp4", sequencer="0B00")]


def schema(folder: Path) -> int:
    with closing(sqlite3.connect(ledger_path(folder))) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_reader_reads_an_old_ledger_as_it_is(folder: Path) -> None:
    write_first_schema(folder, OLD)
    with Ledger.read(folder) as ledger:
        assert [row.key for row in ledger.uploads()] == ["a.mp4", "b.mp4", "c.mp4"]
        assert ledger.counts() == {"matched": 2, None: 1}
        assert ledger.counting_since == ledger.last_stored() == FIRST
        assert ledger.waiting().result.count == 1
        assert ledger.owner(BUCKET) is None
        newest = ledger.newest(BUCKET, "a.mp4")
        assert newest
        assert newest.csv == result("a.mp4").csv
    assert schema(folder) == 1


def test_the_first_bridge_migrates_an_old_ledger(folder: Path) -> None:
    write_first_schema(folder, OLD)
    with Ledger.read(folder) as ledger:
        before = list(ledger.uploads())
    with Ledger.open(folder) as ledger:
        assert ledger.migrated
        assert not ledger.created
        assert list(ledger.uploads()) == before
        assert ledger.counting_since == FIRST
    assert schema(folder) == 4
    with Ledger.open(folder) as ledger:
        assert not ledger.migrated


def test_students_of_an_older_ledger_are_found(folder: Path) -> None:
    ledger_path(folder).parent.mkdir(exist_ok=True)
    with Ledger.open(folder) as ledger:
        put(ledger, result("b.mp4", people=(anna("senior"),)), at=SECOND)
        put(ledger, result("a.mp4", people=(anna("junior"),)), at=FIRST)
        put(ledger, result("c.mp4", status="no_record", people=(Person("ben", "", ""),)))
    with closing(sqlite3.connect(ledger_path(folder))) as connection:
        connection.executescript(
            "DROP TABLE students; DROP INDEX answered_otherwise; PRAGMA user_version = 3"
        )
    with Ledger.open(folder) as ledger:
        assert ledger.migrated
        assert ledger.student("anna") == ("physics", "senior")
        assert ledger.student("ben") is None


def anna(year: str) -> Person:
    return Person("anna", "physics", year)


def test_many_bridges_may_migrate_a_ledger_at_once(folder: Path) -> None:
    write_first_schema(folder, OLD)

    def migrate(_: int) -> bool:
        with Ledger.open(folder) as ledger:
            return ledger.migrated

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(migrate, range(8))) == 1


@pytest.mark.parametrize("again", OLD)
def test_a_version_that_an_old_ledger_has_gets_no_second_row(folder: Path, again: Result) -> None:
    write_first_schema(folder, OLD)
    with Ledger.open(folder) as ledger:
        with ledger.transaction():
            ledger.note_invoked(record(again.key, sequencer=again.sequencer), FIRST, SECOND)
            assert ledger.is_done(record(again.key, sequencer=again.sequencer))
        put(ledger, result(again.key, sequencer=again.sequencer, csv="again"))
        assert len(list(ledger.uploads())) == len(OLD)


def test_another_etag_with_an_old_sequencer_gets_its_own_row(folder: Path) -> None:
    write_first_schema(folder, OLD)
    later = result("a.mp4", etag="e2", event_time="2026-11-22T00:00:00.000Z")
    with Ledger.open(folder) as ledger:
        assert put(ledger, later) == [True]
        with ledger.transaction():
            assert ledger.is_newest(later)
            assert not ledger.is_newest(result("a.mp4"))
        newest = ledger.newest(BUCKET, "a.mp4")
        assert newest
        assert newest.etag == "e2"


UPLOAD = st.tuples(
    st.sampled_from([None, "01", "0100", "02", "0a", "0A"]),
    st.sampled_from("ef"),
    st.sampled_from([f"2026-11-21T00:00:0{second}.000Z" for second in range(3)]),
)


@given(old=st.lists(UPLOAD, max_size=4), new=st.lists(UPLOAD, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_each_version_has_one_row_after_a_migration(
    tmp_path_factory: pytest.TempPathFactory,
    old: list[tuple[str | None, str, str]],
    new: list[tuple[str | None, str, str]],
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    before, after = (
        [result(sequencer=sequencer, etag=etag, event_time=at) for sequencer, etag, at in uploads]
        for uploads in (old, new)
    )
    # The first release kept one row for a sequencer, whatever the ETag.
    kept = list({one.version.first_id: one for one in before}.values())
    write_first_schema(folder, kept)
    with Ledger.open(folder) as ledger:
        put(ledger, *after)
        rows = [(row.sequencer, row.etag, row.event_time) for row in ledger.uploads()]
    ids = [result(sequencer=s, etag=e, event_time=t).version.id for s, e, t in rows]
    assert sorted(ids) == sorted({one.version.id for one in (*kept, *after)})


def test_a_ledger_of_a_later_release_is_refused(folder: Path, ledger: Ledger) -> None:
    ledger._connection.execute("PRAGMA user_version = 9")
    with pytest.raises(LedgerError, match=r"schema 9.*use the release that wrote it"):
        Ledger.open(folder)
    with pytest.raises(LedgerError, match="schema 9"), Ledger.read(folder):
        pass
