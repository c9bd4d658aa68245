"""Retention: old results leave the ledger, and nothing else does."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hybridsphere.bridge.store import expirer
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import STATUSES, utc_text
from tests.bridge.bridge_stage import Journal, Vitals, rows, storing
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


# In the order of their uploads.
OLD_UPLOADS = {
    "sequencers": ({"sequencer": "0A"}, {"sequencer": "0B"}),
    "times": (
        {"sequencer": None, "event_time": "2026-11-21T00:00:00.000Z"},
        {"sequencer": None, "event_time": "2026-11-21T00:00:01.000Z"},
    ),
}


@pytest.mark.parametrize("versions", OLD_UPLOADS.values(), ids=OLD_UPLOADS)
async def test_a_file_stays_that_of_the_newest_version_while_an_older_row_stays(
    folder: Path, vitals: Vitals, versions: tuple[dict[str, str | None], ...]
) -> None:
    older, newer = (
        result(csv=f"{number}", etag=f"{number}", **version)
        for number, version in enumerate(versions)
    )
    async with storing(folder, vitals) as store:
        await store.put([newer])
        await store.put([older])
    with Ledger.open(folder) as ledger, ledger.transaction():
        # The older version was late, and is not old enough to leave.
        late = "UPDATE uploads SET stored_at = ? WHERE etag = ?"
        ledger._connection.executemany(late, [(days_ago(16), "1"), (days_ago(14), "0")])
        assert ledger.expire(days_ago(15), 10) == 0
    async with storing(folder, vitals) as store:
        await store.put([result("next.mp4")])
        # By now, with the change before, the restoration has had its look.
        await store.put([result("last.mp4")])
    assert files(folder)["test_0.mp4.csv"] == "1"
    with Ledger.open(folder) as ledger, ledger.transaction():
        assert [ledger.expire(days_ago(13), 10) for _ in range(3)] == [1, 1, 0]
    assert {row.key for row in rows(folder)} == {"next.mp4", "last.mp4"}


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
