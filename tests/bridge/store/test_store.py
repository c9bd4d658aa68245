"""Results on disk: durable before they are acknowledged, whole, and of the newest version."""

import asyncio
import subprocess
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from hybridsphere.messages import csv_key, csv_text
from hybridsphere.paths import csv_path
from tests.bridge.bridge_stage import Vitals, rows, storing
from tests.bridge.store.store_stage import FAILED, files, leftovers
from tests.samples import EVENT_TIME, record, result


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


@pytest.mark.parametrize("order", [*permutations(range(3))])
async def test_of_equal_sequencers_the_last_upload_has_the_file(
    folder: Path, order: tuple[int, ...]
) -> None:
    # Content a, then b, then a again: some servers send one sequencer with every event.
    uploads = [
        result(
            sequencer="00",
            etag=etag,
            event_time=f"2026-11-21T00:00:0{number}.000Z",
            csv=csv_text([(f"{etag} at {number}", "", "", "matched")]),
        )
        for number, etag in enumerate("aba")
    ]
    async with storing(folder) as store:
        for number in order:
            await store.put([uploads[number]])
    assert files(folder) == {"test_0.mp4.csv": uploads[2].csv}
    assert sorted(row.etag for row in rows(folder)) == ["a", "b"]


async def test_a_faulty_change_fails_alone(folder: Path) -> None:
    async with storing(folder) as store:
        outcomes: list[Any] = await asyncio.gather(
            store.put([result("a.mp4")]),
            store.change(lambda _: 1 // 0),
            store.put([result("b.mp4")]),
            return_exceptions=True,
        )
    assert [type(outcome) for outcome in outcomes] == [type(None), ZeroDivisionError, type(None)]
    assert len(rows(folder)) == len(files(folder)) == 2


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


async def test_attempts_are_counted_from_one_start_to_the_next(folder: Path) -> None:
    for expected in (1, 2):
        async with storing(folder) as store:
            assert await store.count_attempt(record(), EVENT_TIME) == expected
