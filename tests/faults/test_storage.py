"""A disk that takes no results: the bridge waits, reports why, and resumes."""

import asyncio
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hybridsphere.ledger.ledger import Ledger, ledger_path
from tests.bridge_process import BridgeProcess, running
from tests.faults.fault_stage import Site
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

Breakage = Callable[[Site, BridgeProcess], AbstractContextManager[None]]


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)


@contextmanager
def unmounted_afterwards(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)


def can_mount() -> bool:
    with TemporaryDirectory() as name, suppress(OSError, subprocess.CalledProcessError):
        mount("-t", "tmpfs", "none", name)
        with unmounted_afterwards(Path(name)):
            return True
    return False


# Each breaks the disk in its own way, and mends it.


@contextmanager
def full(site: Site, bridge: BridgeProcess) -> Iterator[None]:
    filler = site.results / "filler"
    # Somebody who reads meanwhile: without, SQLite would make itself some room by tidying up.
    with Ledger.read(site.results), filler.open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(4096))
        yield
        filler.unlink()


@contextmanager
def over_its_quota(site: Site, bridge: BridgeProcess) -> Iterator[None]:
    bridge.limit_files(1000)
    yield
    bridge.limit_files(-1)


@contextmanager
def read_only(site: Site, bridge: BridgeProcess) -> Iterator[None]:
    # The same folder once more, over itself: open files would keep it from being changed itself.
    mount("--bind", site.results, site.results)
    with unmounted_afterwards(site.results):
        mount("-o", "remount,bind,ro", site.results)
        yield


@contextmanager
def gone(site: Site, bridge: BridgeProcess) -> Iterator[None]:
    away = site.results.rename(site.results.with_name("away"))
    yield
    away.rename(site.results)


@contextmanager
def unmounted(site: Site, bridge: BridgeProcess) -> Iterator[None]:
    """The folder on which the disk was mounted is to be seen, with nothing in it."""
    away = site.results.rename(site.results.with_name("away"))
    site.results.mkdir()
    yield
    # Nothing has been written where it would be hidden.
    site.results.rmdir()
    away.rename(site.results)


@contextmanager
def locked_by_another_process(site: Site, bridge: BridgeProcess) -> Iterator[None]:
    with closing(sqlite3.connect(ledger_path(site.results), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "none", folder)
    with unmounted_afterwards(folder):
        yield


MOUNTING = [full, read_only]
SAYS = {
    full: "full",
    over_its_quota: "",
    read_only: "ead-only",
    gone: "mount its disk",
    unmounted: "mount its disk",
    locked_by_another_process: "locked",
}
"""A word of what the bridge says of each; of a quota, whatever the disk says first."""


@pytest.mark.parametrize("breakage", SAYS)
async def test_a_full_disk_stops_receives_and_deletes_and_loses_nothing(
    site: Site, breakage: Breakage
) -> None:
    if breakage in MOUNTING and not can_mount():
        pytest.skip("needs leave to mount, which root has")
    with small_disk(site.results) if breakage in MOUNTING else nullcontext():
        async with running(site.environment(), site.size.keeping_bridge) as bridge:
            await site.upload(["before.mp4"])
            await site.settled()
            with breakage(site, bridge):
                await site.upload(["held.mp4"])
                await until(lambda: bridge.is_troubled("results", word=SAYS[breakage]))
                # Its log is another pipe, which may be read later.
                await until(lambda: bool(bridge.of("trouble.began", part="results")))
                told = [one["reason"] for one in bridge.of("trouble.began", part="results")]
                assert SAYS[breakage] in told[-1]
                assert await bridge.figure("storage_errors_total") > 0
                await nothing_but_heartbeats(site)
            await site.settled()
            await site.check()
            assert await bridge.is_ready()
            assert await bridge.stop() == 0


async def nothing_but_heartbeats(site: Site) -> None:
    """Check that held messages are extended, and none received or deleted; in a soak, for long."""
    # Polls that were under way may still bring something, which then is held as well.
    await until(lambda: not any(call.is_under_way for call in site.queues.of("ReceiveMessage")))
    since = asyncio.get_running_loop().time()
    held = await in_flight(site)
    assert held >= 1
    await site.upload(f"waits/{number}.mp4" for number in range(3))
    beats = site.size(1, 3)
    await until(lambda: len(site.queues.of("ChangeMessageVisibilityBatch", since=since)) >= beats)
    assert site.queues.of("ReceiveMessage", "DeleteMessageBatch", since=since) == []
    assert await in_flight(site) == held
    assert (await site.counts(site.inputs))[0] == 3


async def in_flight(site: Site) -> int:
    return (await site.counts(site.inputs))[1] + (await site.counts(site.outputs))[1]


async def test_a_blocked_file_at_the_start_blocks_no_other_file(
    site: Site,
) -> None:
    first, *others = [f"{folder}/{number}.mp4" for folder in "ab" for number in range(5)]
    taken = f"file {site.results}/{first}.csv"
    async with site.bridge() as bridge:
        await site.upload([first, *others])
        await site.settled()
        assert await bridge.stop() == 0
    for key in (first, *others):
        (site.results / f"{key}.csv").unlink()
    (site.results / f"{first}.csv").mkdir()
    async with site.bridge() as bridge:
        await bridge.seen("files.restored", files=len(others))
        assert await bridge.is_troubled(taken, word="move away")
        # New uploads are handled, and a stop does not wait.
        await site.upload(["new.mp4"])
        await site.settled()
        assert await bridge.stop() == 0
    async with site.bridge() as bridge:
        await until(lambda: bridge.is_troubled(taken))
        (site.results / f"{first}.csv").rmdir()
        await bridge.seen("files.restored", files=1)
        await until(bridge.is_ready)
        await site.check()
        assert await bridge.stop() == 0
