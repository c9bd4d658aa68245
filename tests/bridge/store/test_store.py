"""Results on disk: durable before they are acknowledged, whole, of the newest version, and back
after whatever happened to the disk.
"""

import asyncio
import errno
import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hybridsphere.bridge.store import restorer
from hybridsphere.bridge.store.csv_files import LEFTOVER_AGE_S
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.errors import ConfigurationError
from hybridsphere.ledger import file as ledger_file
from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.messages import Result, csv_key
from hybridsphere.paths import OWN_FOLDER, csv_path
from tests.bridge.bridge_stage import Journal, Vitals, rows, storing
from tests.samples import BUCKET, EVENT_TIME, record, result
from tests.stage import until

FAILED = Result.failed(record(), "RetriesExhausted")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results"


def files(folder: Path) -> dict[str, str]:
    """The CSV files by their path, as they are byte for byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes().decode()
        for path in folder.rglob("*.csv")
        if path.is_file()
    }


def leftovers(folder: Path) -> list[Path]:
    return list((folder / OWN_FOLDER / "partial").iterdir())


async def test_a_stored_result_is_in_the_ledger_and_on_disk(folder: Path, vitals: Vitals) -> None:
    async with storing(folder, vitals) as store:
        await store.put([result("a/ü.mp4"), result("b.mp4")])
        # Read while the store is still at work, as after a crash.
        assert [row.key for row in rows(folder)] == ["a/ü.mp4", "b.mp4"]
        assert files(folder) == {
            "a/ü.mp4.csv": result("a/ü.mp4").csv,
            "b.mp4.csv": result("b.mp4").csv,
        }
    assert leftovers(folder) == []
    assert vitals.figure("results_written_total", status="matched") == 2


@pytest.fixture
def deep(folder: Path) -> Iterator[Path]:
    """A results folder that may become too deep for pytest, which clears away recursively."""
    yield folder
    subprocess.run(["rm", "-rf", folder], check=True)


async def test_a_key_may_have_a_thousand_slashes(deep: Path) -> None:
    key = "/" * 1014 + "x.mp4"
    async with storing(deep) as store:
        await store.put([result(key)])
    assert (deep / csv_path(csv_key(key))).read_bytes() == result(key).csv.encode()
    assert len(csv_path(csv_key(key)).parts) == 1015


async def test_a_redelivered_result_changes_nothing(folder: Path, vitals: Vitals) -> None:
    async with storing(folder, vitals) as store:
        await store.put([result()])
        row, file = rows(folder), (folder / "test_0.mp4.csv").stat()
        await store.put([result()])
        await store.put([result(csv="other", status="no_face")])
        assert rows(folder) == row
        after = (folder / "test_0.mp4.csv").stat()
        assert (after.st_ino, after.st_mtime_ns) == (file.st_ino, file.st_mtime_ns)
    assert vitals.figure("results_written_total", status="matched") == 1


async def test_a_result_replaces_failed_and_never_the_reverse(folder: Path) -> None:
    async with storing(folder) as store:
        await store.put([FAILED])
        assert files(folder) == {"test_0.mp4.csv": FAILED.csv}
        await store.put([result()])
        await store.put([FAILED])
    assert files(folder) == {"test_0.mp4.csv": result().csv}
    assert [row.status for row in rows(folder)] == ["matched"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"sequencer": "00FF"}, {"sequencer": "01", "event_time": "2020-01-01T00:00:00.000Z"}),
        ({"sequencer": "0a"}, {"sequencer": "0B"}),
        ({"sequencer": None}, {"sequencer": None, "event_time": "2026-11-21T00:00:00.001Z"}),
        ({"sequencer": "FF"}, {"sequencer": None, "event_time": "2026-11-22T00:00:00.000Z"}),
    ],
)
@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("together", [True, False])
async def test_the_file_is_that_of_the_newest_version(
    folder: Path,
    old: dict[str, Any],
    new: dict[str, Any],
    late: bool,
    together: bool,
) -> None:
    older = result(csv="old", **{"event_time": EVENT_TIME, **old})
    newer = result(csv="new", **{"event_time": EVENT_TIME, **new})
    order = [newer, older] if late else [older, newer]
    async with storing(folder) as store:
        for batch in [order] if together else [order[:1], order[1:]]:
            await store.put(batch)
    assert files(folder) == {"test_0.mp4.csv": "new"}
    assert sorted(row.csv or "" for row in rows(folder)) == ["new", "old"]


async def test_a_file_that_is_missing_or_different_is_written_again_at_the_next_start(
    folder: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several pages, and the odd ones in each.
    monkeypatch.setattr(restorer, "PAGE", 4)
    stored = [
        result(f"{i:02}/v.mp4", sequencer=str(version)) for version in (1, 2) for i in range(9)
    ]
    async with storing(folder) as store:
        await store.put(stored)
        await store.note_invoked(record("not yet.mp4"), EVENT_TIME, EVENT_TIME)
    whole = files(folder)
    assert len(whole) == 9
    for i in (0, 3, 4, 8):
        (folder / f"{i:02}/v.mp4.csv").unlink()
    (folder / "00").rmdir()
    (folder / "05/v.mp4.csv").write_text("half")
    untouched = (folder / "01/v.mp4.csv").stat().st_ino
    async with storing(folder):
        assert (await journal.seen("files.restored"))["files"] == 5
    assert files(folder) == whole
    assert (folder / "01/v.mp4.csv").stat().st_ino == untouched


async def test_a_file_that_is_whole_is_not_written_again(folder: Path) -> None:
    async with storing(folder) as store:
        await store.put([result()])
    before = (folder / "test_0.mp4.csv").stat()
    async with storing(folder) as store:
        await store.put([result("next.mp4")])
        # By now, with the change before, the restoration has had its look.
        await store.put([result("last.mp4")])
    after = (folder / "test_0.mp4.csv").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_what_a_crash_left_half_written_is_cleared_away(folder: Path) -> None:
    async with storing(folder):
        pass
    old, young, taken = (
        folder / OWN_FOLDER / "partial" / name for name in ("old", "young", "gone")
    )
    old.touch()
    young.touch()
    # As a file that another bridge renames just now.
    taken.symlink_to(folder / "nowhere")
    long_ago = time.time() - LEFTOVER_AGE_S - 60
    os.utime(old, (long_ago, long_ago))
    async with storing(folder):
        assert not old.exists()
        assert young.exists()


# Each breaks the disk in its own way, and mends it.


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def gone(folder: Path) -> Iterator[None]:
    away = folder.rename(folder.with_name("away"))
    yield
    assert not folder.exists(), "made anew where a disk should be mounted"
    away.rename(folder)


@contextmanager
def unmounted(folder: Path) -> Iterator[None]:
    """What was mounted there is gone, and the folder below is to be seen, with nothing in it."""
    away = folder.rename(folder.with_name("away"))
    folder.mkdir()
    yield
    # Nothing has been written where it would be hidden.
    folder.rmdir()
    away.rename(folder)


@contextmanager
def replaced_by_a_file(folder: Path) -> Iterator[None]:
    away = folder.rename(folder.with_name("away"))
    folder.touch()
    yield
    folder.unlink()
    away.rename(folder)


@contextmanager
def without_own_folder(folder: Path) -> Iterator[None]:
    own = folder / OWN_FOLDER
    away = own.rename(folder / "away")
    own.touch()
    yield
    own.unlink()
    away.rename(own)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """No file of this process may grow beyond a kilobyte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def refusing_rows(folder: Path) -> Iterator[None]:
    """The disk is well, and the ledger is not."""
    with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as other:
        other.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON uploads "
            "BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
        yield
        other.execute("DROP TRIGGER broken")


BREAKAGES = [
    locked,
    gone,
    unmounted,
    replaced_by_a_file,
    without_own_folder,
    full,
    refusing_rows,
]


@pytest.mark.parametrize("breakage", BREAKAGES)
async def test_while_results_cannot_be_stored_nothing_is_acknowledged_and_it_goes_on_by_itself(
    folder: Path,
    journal: Journal,
    vitals: Vitals,
    monkeypatch: pytest.MonkeyPatch,
    breakage: Callable[[Path], AbstractContextManager[None]],
) -> None:
    monkeypatch.setattr(ledger_file, "BUSY_TIMEOUT_S", 0.05)
    async with storing(folder, vitals) as store:
        await store.put([result("a.mp4")])
        with breakage(folder):
            pending = asyncio.create_task(store.put([result("b.mp4")]))
            noted = asyncio.create_task(store.note_invoked(record("c.mp4"), EVENT_TIME, EVENT_TIME))
            await journal.seen("trouble.began", part="results")
            gate = asyncio.create_task(store.wait_until_working())
            # Tried again, and again in vain.
            tries = vitals.figure("storage_errors_total")
            await until(lambda: vitals.figure("storage_errors_total") >= tries + 2)
            assert not pending.done()
            assert not gate.done()
            assert vitals.health.troubles.keys() == {"results"}
        async with asyncio.timeout(30):
            await asyncio.gather(pending, noted, gate)
        assert vitals.health.troubles == {}
    assert [row.key for row in rows(folder)] == ["a.mp4", "b.mp4", "c.mp4"]
    assert files(folder) == {"a.mp4.csv": result("a.mp4").csv, "b.mp4.csv": result("b.mp4").csv}
    assert leftovers(folder) == []


# Each blocks the place of `a/b.mp4.csv`, and no other.


def a_folder_of_its_name(folder: Path) -> Path:
    (folder / "a").mkdir(exist_ok=True)
    (folder / "a/b.mp4.csv").mkdir()
    return folder / "a/b.mp4.csv"


def a_file_for_its_folder(folder: Path) -> Path:
    (folder / "a").touch()
    return folder / "a"


def a_link_to_itself_for_its_folder(folder: Path) -> Path:
    (folder / "a").symlink_to("a")
    return folder / "a"


def a_link_to_another_disk_for_its_folder(folder: Path) -> Path:
    # Which no file comes to: that it is another disk is found first.
    (folder / "a").symlink_to("/proc")
    return folder / "a"


IN_THE_WAY = "move away what is in the way of"
BLOCKS = {
    a_folder_of_its_name: IN_THE_WAY,
    a_file_for_its_folder: IN_THE_WAY,
    a_link_to_itself_for_its_folder: IN_THE_WAY,
    a_link_to_another_disk_for_its_folder: "keep on the results folder's own disk the folder",
}
"""What is to be done about each."""
BLOCKED = "file {}/a/b.mp4.csv"


@pytest.mark.parametrize(("block", "remedy"), BLOCKS.items())
async def test_a_place_that_is_taken_holds_its_own_result_alone(
    folder: Path, journal: Journal, vitals: Vitals, block: Callable[[Path], Path], remedy: str
) -> None:
    part = BLOCKED.format(folder)
    async with storing(folder, vitals) as store:
        taker = block(folder)
        pending = asyncio.create_task(store.put([result("a/b.mp4")]))
        reason = (await journal.seen("trouble.began", part=part))["reason"]
        assert remedy in reason
        assert f": '{folder}/a/b.mp4.csv'" in reason
        # Together with one that is tried again in vain, the others are stored.
        tries = vitals.figure("storage_errors_total")
        await asyncio.gather(*(store.put([result(f"{i}.mp4")]) for i in range(5)))
        await until(lambda: vitals.figure("storage_errors_total") >= tries + 2)
        await store.wait_until_working()
        assert not pending.done()
        assert [row.key for row in rows(folder)] == [f"{i}.mp4" for i in range(5)]
        assert vitals.health.troubles.keys() == {part}
        taker.rename(folder / "away")
        await pending
        assert vitals.health.troubles == {}
    assert len(journal.of("trouble.began")) == len(journal.of("trouble.ended")) == 1
    assert files(folder).keys() >= {"a/b.mp4.csv", *(f"{i}.mp4.csv" for i in range(5))}
    assert leftovers(folder) == []


async def test_of_two_places_that_are_taken_the_one_that_is_not_free_yet_is_told(
    folder: Path, vitals: Vitals
) -> None:
    first, second = (f"file {folder}/{name}.mp4.csv" for name in "ab")
    async with storing(folder, vitals) as store:
        for name in "ab":
            (folder / f"{name}.mp4.csv").mkdir()
        pending = asyncio.create_task(store.put([result("a.mp4"), result("b.mp4")]))
        await until(lambda: vitals.health.troubles.keys() == {first})
        (folder / "a.mp4.csv").rename(folder / "away")
        await until(lambda: vitals.health.troubles.keys() == {second})
        (folder / "b.mp4.csv").rename(folder / "away too")
        await pending
    assert vitals.health.troubles == {}


async def test_an_attempt_is_counted_once_though_the_disk_fails_beside_a_place_that_is_taken(
    folder: Path, journal: Journal
) -> None:
    failures = iter([OSError(errno.ENOSPC, "No space left on device")])

    def fill(_: object) -> None:
        for failure in failures:
            raise failure

    async with storing(folder) as store:
        taker = a_folder_of_its_name(folder)
        counted, pending, _ = (
            asyncio.create_task(work)
            for work in (
                store.count_attempt(record(), EVENT_TIME),
                store.put([result("a/b.mp4")]),
                store._change(fill),
            )
        )
        await journal.seen("trouble.began", part="results")
        assert await counted == 1
        taker.rename(folder / "away")
        await pending


@contextmanager
def forbidden(folder: Path) -> Iterator[None]:
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("root may write everywhere")
    yield
    folder.chmod(0o700)


async def test_a_folder_that_is_forbidden_holds_its_own_results_alone(
    folder: Path, journal: Journal
) -> None:
    async with storing(folder) as store:
        (folder / "a").mkdir()
        with forbidden(folder / "a"):
            pending = asyncio.create_task(store.put([result("a/b.mp4")]))
            said = await journal.seen("trouble.began", part=BLOCKED.format(folder))
            assert "let the bridge's user write to the folder" in said["reason"]
            await store.put([result("c.mp4")])
        await pending
    assert len(rows(folder)) == len(files(folder)) == 2


async def test_a_results_folder_that_is_forbidden_itself_holds_up_everything(
    folder: Path, journal: Journal
) -> None:
    async with storing(folder) as store:
        with forbidden(folder):
            pending = asyncio.create_task(store.put([result()]))
            said = await journal.seen("trouble.began", part="results")
            assert f"Permission denied: '{folder}/test_0.mp4.csv'" in said["reason"]
        await pending
    assert len(rows(folder)) == len(files(folder)) == 1


async def test_a_place_that_is_taken_at_the_start_holds_up_no_result(
    folder: Path, journal: Journal
) -> None:
    async with storing(folder) as store:
        await store.put([result("a/b.mp4")])
    (folder / "a/b.mp4.csv").unlink()
    taker = a_folder_of_its_name(folder)
    async with storing(folder) as store:
        await journal.seen("trouble.began", part=BLOCKED.format(folder))
        await store.put([result("c.mp4")])
        taker.rename(folder / "away")
        assert (await journal.seen("files.restored"))["files"] == 1
    assert files(folder)["a/b.mp4.csv"] == result("a/b.mp4").csv


async def lost(folder: Path, *keys: str) -> None:
    """Results whose rows are in the ledger, and of whose files and folders nothing is left."""
    async with storing(folder) as store:
        await store.put([result(key) for key in keys])
    only_the_ledger(folder)


def only_the_ledger(folder: Path) -> None:
    away = folder.rename(folder.with_name("lost"))
    folder.mkdir()
    (away / OWN_FOLDER).rename(folder / OWN_FOLDER)


@pytest.mark.parametrize("block", BLOCKS)
async def test_of_files_that_are_missing_at_the_start_one_whose_place_is_taken_holds_up_no_other(
    folder: Path, journal: Journal, vitals: Vitals, block: Callable[[Path], Path]
) -> None:
    await lost(folder, "a/b.mp4", *(f"{i}.mp4" for i in range(5)), "z.mp4")
    taker = block(folder)
    part = BLOCKED.format(folder)
    async with storing(folder, vitals):
        await journal.seen("files.restored", files=6)
        assert vitals.health.troubles.keys() == {part}
        # Tried again, and again in vain; it is told once.
        tries = vitals.figure("storage_errors_total")
        await until(lambda: vitals.figure("storage_errors_total") >= tries + 2)
        taker.rename(folder / "away")
        await journal.seen("files.restored", files=1)
        assert vitals.health.troubles == {}
    assert len(journal.of("trouble.began")) == len(journal.of("trouble.ended")) == 1
    assert files(folder)["a/b.mp4.csv"] == result("a/b.mp4").csv
    assert files(folder)["z.mp4.csv"] == result("z.mp4").csv
    assert leftovers(folder) == []


async def test_of_many_places_that_are_taken_some_are_told_at_once_and_all_written_once_free(
    folder: Path, journal: Journal, vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restorer, "PAGE", 2)
    monkeypatch.setattr(restorer, "MOST_TAKEN", 4)
    taken = [folder / name for name in "acy"]
    keys = [f"{taker.name}/{i}.mp4" for taker in taken for i in range(7)]
    await lost(folder, *keys, "b.mp4", "z.mp4")
    for taker in taken:
        taker.touch()
    async with storing(folder, vitals):
        # What is behind all of them too.
        await journal.seen("files.restored", files=2)
        for taker in taken:
            told = {f"file {taker}/{i}.mp4.csv" for i in range(4)}
            await until(partial(is_told, vitals, told))
            taker.unlink()
        await until(lambda: len(files(folder)) == len(keys) + 2)
        await until(partial(is_told, vitals, set()))
    assert files(folder).keys() == {f"{key}.csv" for key in (*keys, "b.mp4", "z.mp4")}


def is_told(vitals: Vitals, parts: set[str]) -> bool:
    return vitals.health.troubles.keys() == parts


async def test_a_store_that_stops_while_a_missing_file_s_place_is_taken_stops_and_tells_no_trouble(
    folder: Path, journal: Journal, vitals: Vitals
) -> None:
    await lost(folder, "a/b.mp4", "c.mp4")
    a_folder_of_its_name(folder)
    async with storing(folder, vitals):
        await journal.seen("files.restored", files=1)
        assert vitals.health.troubles.keys() == {BLOCKED.format(folder)}
    assert vitals.health.troubles == {}


async def test_a_result_that_is_held_up_is_no_trouble_after_a_stop(
    folder: Path, journal: Journal, vitals: Vitals
) -> None:
    async with storing(folder, vitals) as store:
        a_folder_of_its_name(folder)
        pending = asyncio.create_task(store.put([result("a/b.mp4")]))
        await journal.seen("trouble.began", part=BLOCKED.format(folder))
        pending.cancel()
        await asyncio.gather(pending, return_exceptions=True)
        assert vitals.health.troubles == {}
    assert rows(folder) == []


async def test_a_path_that_is_taken_at_the_next_start_is_told_by_name_and_written_once_it_is_free(
    folder: Path, journal: Journal
) -> None:
    async with storing(folder) as store:
        await store.put([result("a/b.mp4")])
    place = folder / "a/b.mp4.csv"
    place.unlink()
    place.mkdir()
    async with storing(folder):
        reason = (await journal.seen("trouble.began", part=f"file {place}"))["reason"]
        assert str(place) in reason
        assert "move away what is in the way" in reason
        place.rmdir()
        await journal.seen("files.restored", files=1)
    assert files(folder) == {"a/b.mp4.csv": result("a/b.mp4").csv}


async def test_a_store_that_stops_while_the_disk_is_broken_stops(
    folder: Path, journal: Journal
) -> None:
    async with storing(folder) as store:
        with gone(folder):
            pending = asyncio.create_task(store.put([result()]))
            await journal.seen("trouble.began", part="results")
            pending.cancel()


async def test_a_change_at_fault_fails_alone(folder: Path) -> None:
    async with storing(folder) as store:
        outcomes: list[Any] = await asyncio.gather(
            store.put([result("a.mp4")]),
            store._change(lambda _: 1 // 0),
            store.put([result("b.mp4")]),
            return_exceptions=True,
        )
    assert [type(outcome) for outcome in outcomes] == [type(None), ZeroDivisionError, type(None)]
    assert len(rows(folder)) == len(files(folder)) == 2


async def test_a_folder_of_another_bucket_is_refused_by_both_names(folder: Path) -> None:
    async with storing(folder) as store:
        await store.put([result()])
        await store.refuse_others(BUCKET)
        with pytest.raises(ConfigurationError) as caught:
            await store.refuse_others("a-second-bucket")
    for said in (str(folder), BUCKET, "a-second-bucket"):
        assert said in str(caught.value)


async def test_of_two_buckets_that_begin_on_an_empty_folder_together_one_is_refused(
    folder: Path,
) -> None:
    async with storing(folder) as one, storing(folder) as other:
        outcomes = await asyncio.gather(
            one.refuse_others("bucket-one"),
            other.refuse_others("bucket-two"),
            return_exceptions=True,
        )
        assert sorted(type(outcome) for outcome in outcomes if outcome) == [ConfigurationError]
        # For good, though nothing has been stored.
        lost = ["bucket-one", "bucket-two"][outcomes[0] is None]
        with pytest.raises(ConfigurationError, match="name another folder"):
            await one.refuse_others(lost)


async def test_two_stores_of_one_bucket_may_begin_on_an_empty_folder_together(
    folder: Path,
) -> None:
    async with storing(folder) as one, storing(folder) as other:
        await asyncio.gather(*(store.refuse_others(BUCKET) for store in (one, other, one)))


@contextmanager
def held_exclusively(folder: Path) -> Iterator[None]:
    """By another process that lets nobody even read: a repair, say."""
    with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.parametrize("trouble", [full, locked, held_exclusively])
async def test_a_disk_or_a_ledger_in_trouble_at_the_start_is_waited_for(
    folder: Path,
    journal: Journal,
    vitals: Vitals,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[Path], AbstractContextManager[None]],
) -> None:
    monkeypatch.setattr(ledger_file, "BUSY_TIMEOUT_S", 0.05)
    async with storing(folder) as store:
        await store.put([result("a.mp4")])
    with ExitStack() as disk:
        disk.enter_context(trouble(folder))
        async with storing(folder, vitals) as store:
            asking = asyncio.create_task(store.refuse_others(BUCKET))
            await journal.seen("trouble.began", part="results")
            await until(lambda: vitals.figure("storage_errors_total") >= 3)
            assert not asking.done()
            disk.close()
            await asking
            await store.put([result("b.mp4")])
    assert vitals.health.troubles == {}
    assert [row.key for row in rows(folder)] == ["a.mp4", "b.mp4"]


def damage(folder: Path) -> None:
    """Spoil a ledger beyond its first page."""
    whole = ledger_path(folder).read_bytes()
    ledger_path(folder).write_bytes(whole[:4096].ljust(len(whole), b"\0"))


async def test_a_damaged_ledger_is_a_configuration_error_that_says_what_to_do(
    folder: Path,
) -> None:
    async with storing(folder) as store:
        await store.put([result()])
    damage(folder)
    async with ResultStore(folder, Vitals().health, Vitals().metrics) as store:
        with pytest.raises(ConfigurationError) as caught:
            await store.refuse_others(BUCKET)
    for said in (str(ledger_path(folder)), "it is damaged (", "move ledger.sqlite3* away"):
        assert said in str(caught.value)


async def test_a_ledger_that_is_damaged_meanwhile_is_waited_for_until_it_is_moved_away(
    folder: Path, journal: Journal
) -> None:
    async with storing(folder) as store:
        await store.put([result("a.mp4")])
    own = folder / OWN_FOLDER
    async with ResultStore(folder, Vitals().health, Vitals().metrics) as store:
        damage(folder)
        work = asyncio.create_task(store.run())
        pending = asyncio.create_task(store.put([result("b.mp4")]))
        reason = (await journal.seen("trouble.began", part="results"))["reason"]
        assert "move ledger.sqlite3* away" in reason
        for file in own.glob("ledger.sqlite3*"):
            file.rename(folder / f"away-{file.name}")
        await pending
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert [row.key for row in rows(folder)] == ["b.mp4"]


async def test_two_stores_may_share_a_folder(folder: Path) -> None:
    versions = [f"{i:02}" for i in range(20)]
    async with storing(folder) as one, storing(folder) as other:
        await asyncio.gather(
            *(
                store.put([result(csv=version, sequencer=version)])
                for version in versions
                for store in (one, other)
            )
        )
    assert files(folder) == {"test_0.mp4.csv": versions[-1]}
    assert sorted(row.sequencer or "" for row in rows(folder)) == versions
    assert leftovers(folder) == []


async def test_stores_may_begin_on_a_new_folder_together(folder: Path) -> None:
    async def begin(key: str) -> None:
        async with storing(folder) as store:
            await store.put([result(key)])

    await asyncio.gather(*(begin(f"{i}.mp4") for i in range(6)))
    assert len(rows(folder)) == len(files(folder)) == 6


def make_a_file(folder: Path) -> None:
    folder.touch()


def make_a_ledger_that_is_none(folder: Path) -> None:
    ledger_path(folder).parent.mkdir(parents=True)
    ledger_path(folder).write_text("nothing SQLite would know" * 50)


def make_a_ledger_of_another_release(folder: Path) -> None:
    ledger_path(folder).parent.mkdir(parents=True)
    with closing(sqlite3.connect(ledger_path(folder))) as connection:
        connection.execute("PRAGMA user_version = 9")


@pytest.mark.parametrize(
    "make", [make_a_file, make_a_ledger_that_is_none, make_a_ledger_of_another_release]
)
async def test_a_folder_that_cannot_be_used_is_a_configuration_error(
    folder: Path, make: Callable[[Path], None]
) -> None:
    make(folder)
    with pytest.raises(ConfigurationError, match=r"HYBRIDSPHERE_RESULTS_DIR=.*results"):
        async with storing(folder):
            pass


async def test_attempts_are_counted_from_one_start_to_the_next(folder: Path) -> None:
    for expected in (1, 2):
        async with storing(folder) as store:
            assert await store.count_attempt(record(), EVENT_TIME) == expected
