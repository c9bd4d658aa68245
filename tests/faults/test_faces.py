"""Bridges that are killed while results with faces arrive."""

import asyncio
import random
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest

from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.memory.memory import Memory, memory_path
from hybridsphere.settings import Sink
from tests import bridge_process
from tests.bridge_process import BridgeProcess
from tests.faults import dying_bridge
from tests.faults.fault_stage import Site, Size
from tests.faults.function.faces import sizes
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

GONE_EVERY = 10


def key_of(number: int) -> str:
    """Name a video: the second is hostile, and the object of every tenth is gone."""
    if number == 1:
        return "faces/hostile.mp4"
    return f"faces/{'gone' if number % GONE_EVERY == 0 else 'kept'} {number}.mp4"


@pytest.mark.parametrize("sink", ["queue", "bucket"])
async def test_bridges_killed_repeatedly_lose_and_repeat_no_faces(
    open_site: Callable[..., Awaitable[Site]],
    size: Size,
    seed: int,
    tell: Callable[[str], None],
    sink: Sink,
) -> None:
    site = await open_site(sink=sink)
    chance = random.Random(seed)
    steps = list(dying_bridge.FACES_MOMENTS)
    moments = [*steps * size(1, 3), *[""] * size(0, 5)]
    chance.shuffle(moments)
    portion = size(3, 25)
    lives = []
    # Uploads wait for room in the queue, which only a living bridge makes.
    uploads: list[asyncio.Task[None]] = []
    for kill, moment in enumerate(moments):
        part = range(kill * portion, (kill + 1) * portion)
        uploads.append(asyncio.create_task(site.upload(map(key_of, part))))
        lives.append(await killed(site, moment, chance.uniform(0, 0.5)))
        if size(0, 1):
            # Otherwise all would be killed before most of the videos have ended.
            lives.append(await killed_after(site, (kill + 1) * portion * 4 // 5))
        tell(f"killed, {moment or 'at random'}: {len(site.ended())} videos have ended")
    async with site.bridge() as last:
        await asyncio.gather(*uploads)
        await site.settled()
        await until(lambda: owed(site) == 0)
        assert await last.stop() == 0
    await site.check()
    check_the_faces(site)
    check_that_no_faces_were_kept_twice([*lives, last])


async def killed(site: Site, moment: str, wait_s: float) -> BridgeProcess:
    """Return a bridge that has died at a moment, or that was killed at any time."""
    if not moment:
        async with site.bridge() as bridge:
            await asyncio.sleep(wait_s)
            await bridge.kill()
        return bridge
    arguments = ["-m", "tests.faults.dying_bridge", moment]
    async with bridge_process.started(arguments, site.environment()) as victim:
        assert await victim.ended() == -signal.SIGKILL
    return victim


async def killed_after(site: Site, videos: int) -> BridgeProcess:
    """Return a bridge that was killed as soon as so many videos had ended."""
    async with site.bridge() as bridge:
        await until(lambda: len(site.ended()) >= videos)
        await bridge.kill()
    return bridge


def owed(site: Site) -> int:
    """Count the objects that are still to be fetched."""
    with Ledger.read(site.results) as ledger:
        return ledger.count_due()


def check_the_faces(site: Site) -> None:
    """Each result has exactly its own faces in the memory, or the note why not."""
    notes = {row.key: row.faces_note for row in site.rows()}
    with Memory.read(site.results) as memory:
        videos = {video.key: video for video in memory.videos()}
        assert len(videos) == len(list(memory.videos()))
        for key, note in notes.items():
            if key.startswith("faces/kept"):
                assert note is None, (key, note)
                faces = memory.faces(videos[key].id)
                assert [face.size_px for face in faces] == sizes(key)
                assert all(memory.picture(face.id) for face in faces)
                assert all(memory.looks(face.id) is not None for face in faces)
            elif key.startswith("faces/gone"):
                assert (note, key in videos) == ("gone", False)
            else:
                assert note, key
                assert (note.partition(":")[0], key in videos) == ("refused", False)
        kept = [key for key in notes if key.startswith("faces/kept")]
        assert videos.keys() == set(kept)
        assert memory.count_faces() == sum(len(sizes(key)) for key in kept)
    for path in (ledger_path(site.results), memory_path(site.results)):
        with closing(sqlite3.connect(path)) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def check_that_no_faces_were_kept_twice(bridges: list[BridgeProcess]) -> None:
    """Check that a debt, once paid, was never paid again by another bridge."""
    paid = [
        (line["key"], line["version"])
        for bridge in bridges
        for event in ("faces.kept", "faces.not_kept")
        for line in bridge.of(event)
    ]
    assert len(paid) == len(set(paid))
