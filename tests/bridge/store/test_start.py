"""The start: folders that are refused, and disks that are waited for."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

import pytest

from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.errors import ConfigurationError
from hybridsphere.ledger import file as ledger_file
from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.messages import Result
from hybridsphere.paths import OWN_FOLDER
from tests.bridge.bridge_stage import Journal, Vitals, rows, storing
from tests.bridge.store.store_stage import damage, files, full, held_exclusively, locked
from tests.ledger.ledger_stage import write_first_schema
from tests.samples import BUCKET, EVENT_TIME, record, result
from tests.stage import until


async def test_another_bucket_s_folder_is_refused_with_both_names(folder: Path) -> None:
    async with storing(folder) as store:
        await store.put([result()])
        await store.refuse_others(BUCKET)
        with pytest.raises(ConfigurationError) as caught:
            await store.refuse_others("a-second-bucket")
    for said in (str(folder), BUCKET, "a-second-bucket"):
        assert said in str(caught.value)


async def test_one_of_two_buckets_gets_a_new_folder(
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


async def test_two_stores_of_one_bucket_may_start_together(
    folder: Path,
) -> None:
    async with storing(folder) as one, storing(folder) as other:
        await asyncio.gather(*(store.refuse_others(BUCKET) for store in (one, other, one)))


@pytest.mark.parametrize("has_worked", [True, False])
async def test_one_rejected_message_is_a_trouble_of_a_bridge_that_never_worked(
    folder: Path, *, has_worked: bool
) -> None:
    if has_worked:
        async with storing(folder) as store:
            await store.note_invoked(record(), EVENT_TIME, EVENT_TIME)
            await store.put([result()])
    vitals = Vitals()
    async with storing(folder, vitals) as store:
        await store.refuse_others(BUCKET)
    for work in ("input messages", "output messages", "output objects"):
        vitals.health.note_failure(work, "1", "no JSON")
    assert bool(vitals.health.troubles) is not has_worked


@pytest.mark.parametrize("trouble", [full, locked, held_exclusively])
async def test_a_start_waits_for_a_disk_or_ledger_in_trouble(
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


async def test_a_damaged_ledger_is_a_configuration_error_with_a_remedy(
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


async def test_stores_may_start_on_a_new_folder_together(folder: Path) -> None:
    async def begin(key: str) -> None:
        async with storing(folder) as store:
            await store.put([result(key)])

    await asyncio.gather(*(begin(f"{i}.mp4") for i in range(6)))
    assert len(rows(folder)) == len(files(folder)) == 6


def make_a_file(folder: Path) -> None:
    folder.touch()


def make_a_file_that_is_no_ledger(folder: Path) -> None:
    ledger_path(folder).parent.mkdir(parents=True)
    ledger_path(folder).write_text("nothing SQLite would know" * 50)


def make_a_ledger_of_another_release(folder: Path) -> None:
    ledger_path(folder).parent.mkdir(parents=True)
    with closing(sqlite3.connect(ledger_path(folder))) as connection:
        connection.execute("PRAGMA user_version = 9")


@pytest.mark.parametrize(
    "make", [make_a_file, make_a_file_that_is_no_ledger, make_a_ledger_of_another_release]
)
async def test_an_unusable_folder_is_a_configuration_error(
    folder: Path, make: Callable[[Path], None]
) -> None:
    make(folder)
    with pytest.raises(ConfigurationError, match=r"HYBRIDSPHERE_RESULTS_DIR=.*results"):
        async with storing(folder):
            pass


async def test_a_new_ledger_is_logged_once(folder: Path, journal: Journal) -> None:
    for _ in range(2):
        async with storing(folder) as store:
            await store.put([result()])
    (line,) = journal.of("ledger.created")
    assert line["path"] == str(ledger_path(folder))
    assert journal.of("ledger.migrated") == []


async def test_a_migrated_ledger_is_logged_and_its_files_restored(
    folder: Path, journal: Journal
) -> None:
    write_first_schema(folder, [result()])
    async with storing(folder):
        await journal.seen("files.restored", files=1)
    assert len(journal.of("ledger.migrated")) == 1
    assert journal.of("ledger.created") == []


async def test_a_ledger_that_vanished_is_created_again_and_logged(
    folder: Path, journal: Journal
) -> None:
    async with storing(folder) as store:
        await store.put([result("a.mp4")])
        for file in (folder / OWN_FOLDER).glob("ledger.sqlite3*"):
            file.rename(folder / f"away-{file.name}")
        await store.put([result("b.mp4")])
        await journal.seen("ledger.created", times=2)
    assert [row.key for row in rows(folder)] == ["b.mp4"]
    assert (folder / "away-ledger.sqlite3-wal").exists()


async def test_a_bridge_knows_that_its_last_uploads_failed(folder: Path) -> None:
    async with storing(folder) as store:
        await store.put([Result.failed(record("a.mp4"), "KeyError")])
    vitals = Vitals()
    async with storing(folder, vitals) as store:
        await store.refuse_others(BUCKET)
        assert vitals.health.troubles == {"uploads": "every one failed: KeyError"}
        await store.put([result("b.mp4")])
        assert vitals.health.troubles == {}


async def test_a_start_on_a_full_disk_waits_before_any_invocation(
    folder: Path, journal: Journal, vitals: Vitals
) -> None:
    async with storing(folder) as store:
        await store.refuse_others(BUCKET)
        await store.put([result()])
    with ExitStack() as disk:
        disk.enter_context(full(folder))
        # The claim is there and writes nothing: the disk has to be tried.
        async with storing(folder, vitals) as store:
            starting = asyncio.create_task(store.refuse_others(BUCKET))
            await journal.seen("trouble.began", part="results")
            await until(lambda: vitals.figure("storage_errors_total") >= 2)
            assert not starting.done()
            disk.close()
            await starting
            assert vitals.health.troubles == {}
