"""One at a time, whatever becomes of the one."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hybridsphere.bridge.bucket.lock import alone
from tests.bridge.bridge_stage import Journal

HOLDER = """
import asyncio, sys
from pathlib import Path
from hybridsphere.bridge.bucket.lock import alone

async def main():
    async with alone(Path(sys.argv[1])):
        print("held", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


async def test_the_second_waits_until_the_first_is_done(tmp_path: Path, journal: Journal) -> None:
    order: list[str] = []

    async def second() -> None:
        async with alone(tmp_path / "lock"):
            order.append("second")

    async with alone(tmp_path / "lock"):
        waiting = asyncio.create_task(second())
        await journal.seen("watch.standby", lock=str(tmp_path / "lock"))
        order.append("first")
    await waiting
    assert order == ["first", "second"]
    # However often it tries, it says so once.
    assert len(journal.of("watch.standby")) == 1


async def test_who_gives_up_waiting_leaves_no_trace(tmp_path: Path, journal: Journal) -> None:
    async with AsyncExitStack() as first:
        await first.enter_async_context(alone(tmp_path / "lock"))
        waiting = asyncio.create_task(
            AsyncExitStack().enter_async_context(alone(tmp_path / "lock"))
        )
        await journal.seen("watch.standby")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with alone(tmp_path / "lock"):
        pass
    assert len(journal.of("watch.standby")) == 1


async def test_a_process_that_is_killed_holds_nothing(tmp_path: Path, journal: Journal) -> None:
    lock = tmp_path / "lock"
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(lock), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert holder.stdout
        assert await holder.stdout.readline() == b"held\n"
        waiting = asyncio.create_task(_hold(lock))
        await journal.seen("watch.standby")
        assert not waiting.done()
    finally:
        holder.kill()
        await holder.communicate()
    await waiting


async def _hold(lock: Path) -> None:
    async with alone(lock):
        pass
