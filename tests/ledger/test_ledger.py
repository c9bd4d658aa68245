"""The ledger: one row a version, whatever comes how often and in which order."""

import itertools
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridsphere.ledger import file as ledger_file
from hybridsphere.ledger import ledger as ledger_module
from hybridsphere.ledger.ledger import Ledger, LedgerError, Upload, ledger_path
from hybridsphere.messages import STATUSES, Person, Result
from tests.ledger.ledger_stage import FIRST, SECOND, THIRD, put
from tests.samples import BUCKET, ODD_KEYS, record, result

FAILED = Result.failed(record(), "RetriesExhausted: ValueError: x")


def only(ledger: Ledger) -> Upload:
    (row,) = ledger.uploads()
    return row


def test_a_result_is_kept_with_everything_it_says(ledger: Ledger) -> None:
    said = result("ü.mp4", reason="cut_short")
    assert put(ledger, said) == [True]
    row = only(ledger)
    assert (row.bucket, row.key, row.version) == (BUCKET, "ü.mp4", "01:e1")
    assert (row.etag, row.sequencer, row.event_time) == ("e1", "01", said.event_time)
    assert (row.status, row.reason, row.csv) == ("matched", "cut_short", said.csv)
    assert row.people == [said.people[0].to_dict()]
    assert (row.output_bucket, row.output_key) == (said.output_bucket, said.output_key)
    assert (row.started_at, row.finished_at) == (said.started_at, said.finished_at)
    assert (row.created_at, row.stored_at) == (FIRST, FIRST)
    assert (row.received_at, row.invoked_at, row.attempts) == (None, None, 0)


def test_a_redelivered_result_changes_nothing(ledger: Ledger) -> None:
    put(ledger, result())
    before = only(ledger)
    assert put(ledger, result(), result(status="no_face", csv="other"), at=SECOND) == [False, False]
    assert only(ledger) == before


def test_a_result_replaces_failed(ledger: Ledger) -> None:
    assert put(ledger, FAILED) == [True]
    assert put(ledger, result(), at=SECOND) == [True]
    row = only(ledger)
    assert (row.status, row.reason, row.stored_at) == ("matched", None, SECOND)
    assert row.csv == result().csv


@pytest.mark.parametrize("status", STATUSES)
def test_failed_never_replaces_a_result(ledger: Ledger, status: str) -> None:
    put(ledger, result(status=status))
    before = only(ledger)
    assert put(ledger, FAILED, at=SECOND) == [False]
    assert only(ledger) == before


def test_every_version_has_a_row_of_its_own(ledger: Ledger) -> None:
    versions = [
        result(sequencer="01"),
        result(sequencer="02"),
        result(sequencer=None),
        result(sequencer=None, etag="e2"),
        result(sequencer=None, event_time="2026-11-21T00:00:09.000Z"),
        result(key="other.mp4"),
        result(bucket="other-bucket"),
    ]
    assert put(ledger, *versions) == [True] * len(versions)
    assert len(list(ledger.uploads())) == len(versions)


@given(
    st.lists(st.text("0123456789ABCDEFabcdef", min_size=1, max_size=6), min_size=1, unique=True),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_newest_version_is_found_in_any_order(ledger: Ledger, sequencers: list[str]) -> None:
    key = uuid4().hex

    def place(sequencer: str) -> str:
        return sequencer.upper().ljust(6, "0")

    put(ledger, *(result(key, sequencer=sequencer) for sequencer in sequencers))
    newest = ledger.newest(BUCKET, key)
    assert newest
    assert newest.sequencer
    assert place(newest.sequencer) == max(map(place, sequencers))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_mixed_versions_have_one_newest_in_any_order(
    ledger: Ledger, order: tuple[int, ...]
) -> None:
    # Each is newer than the one before it, and the first newer than the last.
    versions = [
        result(sequencer="02", event_time="2026-11-21T00:00:01.000Z"),
        result(sequencer=None, event_time="2026-11-21T00:00:02.000Z"),
        result(sequencer="01", event_time="2026-11-21T00:00:03.000Z"),
    ]
    put(ledger, *(versions[number] for number in order))
    newest = ledger.newest(BUCKET, "test_0.mp4")
    assert newest
    assert newest.sequencer is None


def test_one_sequencer_has_one_row_however_it_is_written(ledger: Ledger) -> None:
    assert put(ledger, *(result(sequencer=s) for s in ("0b", "0B", "0B00"))) == [True, False, False]
    assert len(list(ledger.uploads())) == 1


def test_the_newest_version_without_a_result_does_not_count(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.note_invoked(record(sequencer="02"), FIRST, FIRST)
    assert ledger.newest(BUCKET, "test_0.mp4") is None
    put(ledger, result(sequencer="01"))
    newest = ledger.newest(BUCKET, "test_0.mp4")
    assert newest
    assert newest.version == "01:e1"


def test_the_first_receipt_and_invocation_count(ledger: Ledger) -> None:
    for received_at, invoked_at in itertools.pairwise((FIRST, SECOND, THIRD)):
        with ledger.transaction():
            ledger.note_invoked(record(), received_at, invoked_at)
    row = only(ledger)
    assert (row.created_at, row.received_at, row.invoked_at) == (FIRST, FIRST, SECOND)
    assert row.status is None


def test_a_result_that_is_quicker_than_its_invocation_is_kept(ledger: Ledger) -> None:
    put(ledger, result())
    with ledger.transaction():
        ledger.note_invoked(record(), FIRST, SECOND)
    row = only(ledger)
    assert (row.status, row.received_at, row.invoked_at) == ("matched", FIRST, SECOND)


def test_attempts_are_counted_from_one_opening_to_the_next(folder: Path) -> None:
    for expected in (1, 2, 3):
        with Ledger.open(folder) as ledger, ledger.transaction():
            assert ledger.count_attempt(record(), FIRST) == expected
            assert ledger.count_attempt(record(f"{expected}.mp4"), FIRST) == 1


def test_a_transaction_that_fails_changes_nothing(ledger: Ledger) -> None:
    def put_then_fail() -> None:
        with ledger.transaction():
            ledger.put_result(result(), FIRST)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_then_fail()
    assert list(ledger.uploads()) == []
    assert put(ledger, result()) == [True]


def test_a_commit_waits_for_the_disk(ledger: Ledger) -> None:
    # SQLite promises it with these settings.
    assert ledger._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert ledger._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_ledger_that_was_replaced_while_open_takes_nothing(folder: Path, ledger: Ledger) -> None:
    path = ledger_path(folder)
    path.rename(path.with_suffix(".old"))
    with pytest.raises(FileNotFoundError):
        put(ledger, result())
    path.write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="replaced"):
        put(ledger, result())


def test_two_ledgers_may_write_to_one_file(folder: Path) -> None:
    with Ledger.open(folder) as one, Ledger.open(folder) as other:
        for turn in range(10):
            assert put(one, result(f"{turn}.mp4")) == [True]
            assert put(other, result(f"{turn}.mp4")) == [False]
        assert len(list(other.uploads())) == 10


def test_a_writer_waits_for_another_and_gives_up_in_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_file, "BUSY_TIMEOUT_S", 0.05)
    with Ledger.open(folder) as one, Ledger.open(folder) as other:
        with one.transaction(), pytest.raises(sqlite3.OperationalError, match="locked"):
            put(other, result())
        assert put(other, result()) == [True]


def test_many_may_begin_a_ledger_at_once(tmp_path: Path) -> None:
    for turn in range(5):
        folder = tmp_path / str(turn)
        ledger_path(folder).parent.mkdir(parents=True)
        together = threading.Barrier(8)
        opened: list[bool] = []

        def begin(
            folder: Path = folder,
            together: threading.Barrier = together,
            opened: list[bool] = opened,
        ) -> None:
            together.wait()
            with Ledger.open(folder) as ledger:
                put(ledger, result())
                opened.append(True)

        threads = [threading.Thread(target=begin) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(opened) == 8


def test_only_the_owner_may_read_the_ledger(folder: Path, ledger: Ledger) -> None:
    put(ledger, result())
    for file in ledger_path(folder).parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file.name


def test_reading_a_missing_ledger_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="HYBRIDSPHERE_RESULTS_DIR"), Ledger.read(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_reading_another_kind_of_file_is_an_error(folder: Path, content: bytes) -> None:
    ledger_path(folder).write_bytes(content)
    with pytest.raises(LedgerError, match="cannot be read"), Ledger.read(folder):
        pass


def zeroed(whole: bytes) -> bytes:
    return whole[:4096].ljust(len(whole), b"\0")


def scribbled_over(whole: bytes) -> bytes:
    return whole[:4096].ljust(len(whole), b"?")


def cut_off(whole: bytes) -> bytes:
    return whole[:4096]


@pytest.fixture(params=[zeroed, scribbled_over, cut_off])
def damaged(folder: Path, request: pytest.FixtureRequest) -> Path:
    """The folder of a ledger of which nothing is whole but the first page."""
    with Ledger.open(folder) as ledger:
        put(ledger, *(result(f"{i}.mp4") for i in range(100)))
    path = ledger_path(folder)
    path.write_bytes(request.param(path.read_bytes()))
    return folder


WHAT_TO_DO = r"ledger\.sqlite3 cannot be read: it is damaged.* move ledger\.sqlite3\* away"


def test_readers_report_a_damaged_ledger_with_a_remedy(damaged: Path) -> None:
    with pytest.raises(LedgerError, match=WHAT_TO_DO), Ledger.read(damaged) as ledger:
        list(ledger.uploads())
    with pytest.raises(LedgerError, match=WHAT_TO_DO), Ledger.read(damaged) as ledger:
        ledger.counts()


def test_writers_report_a_damaged_ledger_with_a_remedy(damaged: Path) -> None:
    def claim() -> None:
        with Ledger.open(damaged) as ledger, ledger.transaction():
            ledger.claim(BUCKET)

    def write() -> None:
        with Ledger.open(damaged) as ledger:
            put(ledger, result())

    for work in (claim, write):
        with pytest.raises(LedgerError, match=WHAT_TO_DO):
            work()


def test_a_damaged_row_is_a_damaged_ledger(folder: Path, ledger: Ledger) -> None:
    put(ledger, result())
    ledger._connection.execute("UPDATE uploads SET people = '[{'")
    with pytest.raises(LedgerError, match=WHAT_TO_DO):
        list(ledger.uploads())
    with pytest.raises(LedgerError, match=WHAT_TO_DO), ledger.transaction():
        ledger.newest(BUCKET, "test_0.mp4")


def test_a_ledger_without_its_tables_is_damaged(folder: Path, ledger: Ledger) -> None:
    ledger._connection.execute("DROP TABLE uploads")
    with pytest.raises(LedgerError, match=WHAT_TO_DO), ledger.transaction():
        ledger.claim(BUCKET)


def test_a_new_ledger_ignores_the_remains_of_an_old_one(folder: Path) -> None:
    path = ledger_path(folder)
    log = path.with_name("ledger.sqlite3-wal")
    with Ledger.open(folder) as ledger:
        put(ledger, result())
        path.rename(path.with_name("away"))
    with pytest.raises(LedgerError, match=r"ledger\.sqlite3-wal is left.*move it there too"):
        Ledger.open(folder)
    log.rename(path.with_name("away-wal"))
    with Ledger.open(folder) as ledger:
        assert list(ledger.uploads()) == []


def test_a_ledger_is_the_first_bucket_s_for_good(folder: Path) -> None:
    for asking in ("one-bucket", "other-bucket", "one-bucket"):
        with Ledger.open(folder) as ledger, ledger.transaction():
            assert ledger.claim(asking) == "one-bucket"


@pytest.mark.parametrize("other", ["a-bucket", "z-bucket"])
def test_an_unclaimed_ledger_belongs_to_the_bucket_of_its_rows(ledger: Ledger, other: str) -> None:
    put(ledger, result())
    with ledger.transaction():
        assert ledger.claim(other) == BUCKET
        assert ledger.claim(BUCKET) == BUCKET


def test_one_of_many_buckets_gets_a_ledger(folder: Path) -> None:
    together = threading.Barrier(8)

    def claim(bucket: str) -> str:
        together.wait()
        with Ledger.open(folder) as ledger, ledger.transaction():
            return ledger.claim(bucket)

    with ThreadPoolExecutor(8) as pool:
        owners = set(pool.map(claim, (f"bucket-{number}" for number in range(8))))
    assert len(owners) == 1


def test_readers_see_what_is_committed_while_another_writes(folder: Path, ledger: Ledger) -> None:
    put(ledger, result())
    with ledger.transaction():
        ledger.put_result(result("next.mp4"), FIRST)
        with Ledger.read(folder) as reader:
            assert [row.key for row in reader.uploads()] == ["test_0.mp4"]


def test_readers_cannot_write(folder: Path, ledger: Ledger) -> None:
    with Ledger.read(folder) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        put(reader, result())


def test_keys_that_are_odd_are_kept_as_they_are(ledger: Ledger) -> None:
    assert all(put(ledger, *map(result, ODD_KEYS)))
    assert [row.key for row in ledger.uploads()] == list(ODD_KEYS)
    assert all(ledger.newest(BUCKET, key) for key in ODD_KEYS)


def test_names_come_page_by_page_and_each_once(ledger: Ledger) -> None:
    put(ledger, *map(result, ODD_KEYS), *(result(key, sequencer="02") for key in ODD_KEYS))
    with ledger.transaction():
        ledger.note_invoked(record("not yet.mp4"), FIRST, FIRST)
    seen: list[tuple[str, str]] = []
    while page := ledger.names(after=seen[-1] if seen else ("", ""), most=3):
        assert len(page) <= 3
        seen += page
    assert sorted(seen) == sorted((BUCKET, key) for key in ODD_KEYS)


def test_rows_are_chosen_by_when_they_were_first_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "PAGE", 2)
    put(ledger, *(result(f"{number}.mp4") for number in range(5)), at=FIRST)
    put(ledger, *(result(f"{number}.mp4") for number in range(3, 9)), at=SECOND)
    assert [row.key for row in ledger.uploads()] == [f"{number}.mp4" for number in range(9)]
    assert [row.key for row in ledger.uploads(since=SECOND)] == ["5.mp4", "6.mp4", "7.mp4", "8.mp4"]
    first = [f"{number}.mp4" for number in range(5)]
    assert [row.key for row in ledger.uploads(until=SECOND)] == first
    assert list(ledger.uploads(since=SECOND, until=SECOND)) == []


@pytest.mark.parametrize(
    ("status", "reason", "stands"),
    [
        ("failed", "MemoryError", True),
        ("unreadable", "gone", True),
        ("unreadable", "superseded", True),
        ("unreadable", "damaged", False),
        ("unknown_face", None, False),
    ],
)
def test_a_higher_attempt_replaces_an_answer_unless_it_could_not_look(
    ledger: Ledger, status: str, reason: str | None, stands: bool
) -> None:
    put(ledger, result(status="matched"))

    put(ledger, result(status=status, reason=reason, people=(), attempt=2))

    (row,) = ledger.uploads()
    assert (row.status == "matched") == stands


def test_a_student_is_known_by_the_latest_result(ledger: Ledger) -> None:
    junior = Person("anna", "physics", "junior", status="matched")
    stranger = Person("ben", "", "", status="no_record")
    put(ledger, result("a.mp4", people=(junior, stranger)))
    assert (ledger.student("anna"), ledger.student("ben")) == (("physics", "junior"), None)
    put(ledger, result("b.mp4", people=(replace(junior, year="senior"),)))
    put(ledger, result("a.mp4", people=(junior, stranger)))
    assert ledger.student("anna") == ("physics", "senior")


def test_a_student_leaves_with_the_last_result(ledger: Ledger) -> None:
    put(ledger, result("a.mp4"), at="2026-11-21T00:00:00.000Z")
    put(ledger, result("b.mp4"), at="2026-11-23T00:00:00.000Z")
    (name,) = (person.name for person in result().people)
    for before, found in (("2026-11-22T00:00:00.000Z", True), ("2026-11-24T00:00:00.000Z", False)):
        with ledger.transaction():
            assert ledger.expire(before, 9) == 1
        assert (ledger.student(name) is not None) is found
