"""Retention: old results leave the ledger, and nothing else does."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hybridsphere.bridge.store import expirer
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import STATUSES, utc_text
from tests.bridge.bridge_stage import Journal, Vitals, rows
from tests.bridge.store.store_stage import files
from tests.ledger.ledger_stage import put
from tests.samples import record, result


def days_ago(days: float) -> str:
    return utc_text(datetime.now(UTC) - timedelta(days=days))


def fill(folder: Path) -> None:
    """Results of all statuses, old and young, and old uploads without a result."""
    ledger_path(folder).parent.mkdir(parents=True)
    with Ledger.open(folder) as ledger:
        for status in STATUSES:
            put(
                ledger,
                *(result(f"old/{status}{i}.mp4", status=status) for i in range(4)),
                at=days_ago(16),
            )
            put(ledger, result(f"young/{status}.mp4", status=status), at=days_ago(14))
        with ledger.transaction():
            ledger.note_invoked(record("waiting.mp4"), days_ago(99), days_ago(99))


async def test_old_results_leave_the_ledger_and_their_files_stay(
    folder: Path, journal: Journal, vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expirer, "PAGE", 5)
    fill(folder)
    (folder / "old").mkdir()
    (folder / "old/matched0.mp4.csv").write_text("kept")
    store = ResultStore(folder, vitals.health, vitals.metrics, keep_days=15)
    async with store:
        work = asyncio.create_task(store.run())
        line = await journal.seen("results.expired")
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert line["rows"] == 4 * len(STATUSES)
    left = {row.key for row in rows(folder)}
    assert left == {"waiting.mp4", *(f"young/{status}.mp4" for status in STATUSES)}
    assert "old/matched0.mp4.csv" in files(folder)


async def test_results_stay_for_ever_by_default(folder: Path, vitals: Vitals) -> None:
    fill(folder)
    before = rows(folder)
    store = ResultStore(folder, vitals.health, vitals.metrics)
    async with store:
        work = asyncio.create_task(store.run())
        await store.put([result("next.mp4")])
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert [row for row in rows(folder) if row.key != "next.mp4"] == before
