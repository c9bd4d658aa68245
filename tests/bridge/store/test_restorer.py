"""Missing files: written again at the start."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hybridsphere.bridge.store import restorer, writer
from hybridsphere.ledger.csv_files import LEFTOVER_AGE_S
from hybridsphere.paths import OWN_FOLDER
from tests.bridge.bridge_stage import Journal, Vitals, storing
from tests.bridge.store.store_stage import (
    BLOCKED,
    BLOCKS,
    a_folder_of_its_name,
    files,
    leftovers,
    lost,
)
from tests.samples import EVENT_TIME, record, result
from tests.stage import until


async def test_the_next_start_restores_missing_and_different_files(
    folder: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several pages, and the odd ones in each.
    monkeypatch.setattr(writer, "PAGE", 4)
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


async def test_the_next_start_leaves_whole_files_alone(folder: Path) -> None:
    async with storing(folder) as store:
        await store.put([result()])
    before = (folder / "test_0.mp4.csv").stat()
    async with storing(folder) as store:
        await store.put([result("next.mp4")])
        # By now, with the change before, the restoration has had its look.
        await store.put([result("last.mp4")])
    after = (folder / "test_0.mp4.csv").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_the_start_removes_files_that_a_crash_left_half_written(folder: Path) -> None:
    async with storing(folder):
        pass
    old, young, taken = (
        folder / OWN_FOLDER / "partial" / name for name in ("old", "young", "gone")
    )
    old.touch()
    young.touch()
    # Like a file that another bridge renames just now.
    taken.symlink_to(folder / "nowhere")
    long_ago = time.time() - LEFTOVER_AGE_S - 60
    os.utime(old, (long_ago, long_ago))
    async with storing(folder):
        assert not old.exists()
        assert young.exists()


async def test_a_place_blocked_at_the_start_delays_no_result(
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


@pytest.mark.parametrize("block", BLOCKS)
async def test_a_blocked_place_delays_no_other_missing_file(
    folder: Path, journal: Journal, vitals: Vitals, block: Callable[[Path], Path]
) -> None:
    await lost(folder, "a/b.mp4", *(f"{i}.mp4" for i in range(5)), "z.mp4")
    taker = block(folder)
    part = BLOCKED.format(folder)
    async with storing(folder, vitals):
        await journal.seen("files.restored", files=6)
        assert vitals.health.troubles.keys() == {part}
        # Tried again, and again in vain; it is reported once.
        tries = vitals.figure("storage_errors_total")
        await until(lambda: vitals.figure("storage_errors_total") >= tries + 2)
        taker.rename(folder / "away")
        await journal.seen("files.restored", files=1)
        assert vitals.health.troubles == {}
    assert len(journal.of("trouble.began")) == len(journal.of("trouble.ended")) == 1
    assert files(folder)["a/b.mp4.csv"] == result("a/b.mp4").csv
    assert files(folder)["z.mp4.csv"] == result("z.mp4").csv
    assert leftovers(folder) == []


async def test_many_blocked_places_are_all_restored_in_time(
    folder: Path, journal: Journal, vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PAGE", 2)
    monkeypatch.setattr(restorer, "MOST_BLOCKED", 4)
    taken = [folder / name for name in "acy"]
    keys = [f"{taker.name}/{i}.mp4" for taker in taken for i in range(7)]
    await lost(folder, *keys, "b.mp4", "z.mp4")
    for taker in taken:
        taker.touch()
    async with storing(folder, vitals):
        # Files behind all of them are written, too.
        await journal.seen("files.restored", files=2)
        for taker in taken:
            told = {f"file {taker}/{i}.mp4.csv" for i in range(4)}
            await until(partial(is_reported, vitals, told))
            taker.unlink()
        await until(lambda: len(files(folder)) == len(keys) + 2)
        await until(partial(is_reported, vitals, set()))
    assert files(folder).keys() == {f"{key}.csv" for key in (*keys, "b.mp4", "z.mp4")}


def is_reported(vitals: Vitals, parts: set[str]) -> bool:
    return vitals.health.troubles.keys() == parts


async def test_a_stop_ends_the_trouble_of_a_missing_file(
    folder: Path, journal: Journal, vitals: Vitals
) -> None:
    await lost(folder, "a/b.mp4", "c.mp4")
    a_folder_of_its_name(folder)
    async with storing(folder, vitals):
        await journal.seen("files.restored", files=1)
        assert vitals.health.troubles.keys() == {BLOCKED.format(folder)}
    assert vitals.health.troubles == {}


async def test_a_place_blocked_at_the_start_is_named_until_free(
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
        assert "move away what blocks the place" in reason
        place.rmdir()
        await journal.seen("files.restored", files=1)
    assert files(folder) == {"a/b.mp4.csv": result("a/b.mp4").csv}
