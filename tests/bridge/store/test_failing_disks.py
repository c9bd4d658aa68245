"""A disk that fails: everything waits, and goes on once the disk takes results again."""

import asyncio
import errno
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from hybridsphere.bridge.store import store as store_module
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.ledger import file as ledger_file
from hybridsphere.ledger import wal
from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.paths import OWN_FOLDER
from hybridsphere.troubles import Symptom, remedy_for_trouble
from tests.bridge.bridge_stage import Journal, Vitals, rows, storing
from tests.bridge.store.store_stage import (
    a_folder_of_its_name,
    damage,
    files,
    forbidden,
    full,
    gone,
    leftovers,
    locked,
    refusing_rows,
    replaced_by_a_file,
    unmounted,
    without_own_folder,
)
from tests.samples import EVENT_TIME, record, result
from tests.stage import until

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
async def test_results_wait_while_the_disk_fails_and_then_are_stored(
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


async def test_a_forbidden_results_folder_delays_every_result(
    folder: Path, journal: Journal
) -> None:
    async with storing(folder) as store:
        with forbidden(folder):
            pending = asyncio.create_task(store.put([result()]))
            said = await journal.seen("trouble.began", part="results")
            assert f"Permission denied: '{folder}/test_0.mp4.csv'" in said["reason"]
        await pending
    assert len(rows(folder)) == len(files(folder)) == 1


async def test_a_disk_failing_beside_a_blocked_place_repeats_no_change(
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
                store.change(fill),
            )
        )
        await journal.seen("trouble.began", part="results")
        assert await counted == 1
        taker.rename(folder / "away")
        await pending


async def test_a_store_can_stop_while_the_disk_fails(folder: Path, journal: Journal) -> None:
    async with storing(folder) as store:
        with gone(folder):
            pending = asyncio.create_task(store.put([result()]))
            await journal.seen("trouble.began", part="results")
            pending.cancel()


async def test_a_ledger_damaged_meanwhile_is_waited_for(folder: Path, journal: Journal) -> None:
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


async def test_a_reader_that_holds_the_ledger_is_reported_until_it_ends(
    folder: Path, vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "SHORTEN_AT_BYTES", 50_000)
    monkeypatch.setattr(wal, "MOST_BYTES", 1_500_000)
    monkeypatch.setattr(wal, "AGAIN_S", 0)
    async with storing(folder, vitals) as store:
        await store.put([result("a.mp4")])
        with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM uploads").fetchone()
            for number in range(10):
                await store.put([result(f"{number}.mp4", csv="x" * 5_000)])
            assert "busy with reading" in vitals.health.troubles["ledger"]
            assert remedy_for_trouble("ledger", vitals.health.troubles["ledger"]).symptom == (
                Symptom.LEDGER_HELD
            )
            pending = [
                asyncio.create_task(store.put([result(f"{number}.mp4", csv="x" * 5_000)]))
                for number in range(10, 420)
            ]
            await until(lambda: "results" in vitals.health.troubles)
        await asyncio.gather(*pending)
        await store.put([result("z.mp4")])
        assert vitals.health.troubles == {}
    assert len(rows(folder)) == 422


async def test_a_held_ledger_is_reported_no_longer_than_it_is_held(
    folder: Path, vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is stored meanwhile: a bridge may wait for uploads for days."""
    monkeypatch.setattr(wal, "SHORTEN_AT_BYTES", 50_000)
    monkeypatch.setattr(wal, "AGAIN_S", 0)
    monkeypatch.setattr(store_module, "HELD_AGAIN_S", 0.05)
    async with storing(folder, vitals) as store:
        await store.put([result("a.mp4")])
        with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM uploads").fetchone()
            for number in range(10):
                await store.put([result(f"{number}.mp4", csv="x" * 5_000)])
            assert "ledger" in vitals.health.troubles
        await until(lambda: vitals.health.troubles == {})
