"""A place that takes no file: its own result waits, and no other."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bridge.bridge_stage import Journal, Vitals, rows, storing
from tests.bridge.store.store_stage import (
    BLOCKED,
    BLOCKS,
    a_folder_of_its_name,
    files,
    forbidden,
    leftovers,
)
from tests.samples import result
from tests.stage import until


@pytest.mark.parametrize(("block", "remedy"), BLOCKS.items())
async def test_a_blocked_place_delays_its_own_result_alone(
    folder: Path, journal: Journal, vitals: Vitals, block: Callable[[Path], Path], remedy: str
) -> None:
    part = BLOCKED.format(folder)
    async with storing(folder, vitals) as store:
        taker = block(folder)
        pending = asyncio.create_task(store.put([result("a/b.mp4")]))
        reason = (await journal.seen("trouble.began", part=part))["reason"]
        assert remedy in reason
        assert f": '{folder}/a/b.mp4.csv'" in reason
        # The others are stored while it is retried.
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


async def test_the_place_still_blocked_is_the_one_reported(folder: Path, vitals: Vitals) -> None:
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


async def test_a_forbidden_folder_delays_its_own_results_alone(
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


async def test_a_stop_ends_the_trouble_of_a_delayed_result(
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
