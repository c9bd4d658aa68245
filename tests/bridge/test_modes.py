"""Results name people: nobody but the user of the service reads them, whatever the umask was."""

import os
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.paths import OWN_FOLDER
from hybridsphere.workload.manifest import Manifest, manifest_path
from tests.bridge.bridge_stage import MakeQueue, RealFunction
from tests.bridge.service_stage import enter
from tests.bridge_process import started
from tests.samples import BUCKET, result

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _open_to_all() -> Iterator[None]:
    """The most careless umask there is."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077]


async def test_every_file_of_a_bridge_is_private_to_its_user(
    moto: str,
    make_queue: MakeQueue,
    start_function: Callable[[], Awaitable[RealFunction]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    outputs = await make_queue()
    folder = tmp_path / "results"
    names = {"SOURCE": "direct", "INPUT_BUCKET": BUCKET, "OUTPUT_QUEUE_URL": outputs.url}
    enter(monkeypatch, moto, await start_function(), **names, RESULTS_DIR=str(folder))
    # `workload upload` may leave it so for a bridge that has never run.
    Manifest("2026-11-21T00:00:00.000Z", BUCKET, "out", True, ()).write(folder)

    async with started() as bridge:
        await bridge.seen("bridge.ready")
        await outputs.send(*(result(key).to_json() for key in ("a/b/c.mp4", "d.mp4")))
        await bridge.seen("result.written", times=2)
        files = {path.name for path in (folder / OWN_FOLDER).iterdir()}
        assert {"ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm"} <= files
        assert open_to_others(folder) == []
        assert await bridge.stop() == 0

    (folder / "a/b/c.mp4.csv").unlink()
    (folder / "a/b").rmdir()
    async with started() as bridge:
        await bridge.seen("files.restored")
        assert (folder / "a/b/c.mp4.csv").exists()
        assert open_to_others(folder) == []
        assert await bridge.stop() == 0
    assert manifest_path(folder).exists()
    assert ledger_path(folder).exists()
