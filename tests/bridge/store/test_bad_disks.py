"""Disks that fail single calls, and file systems that refuse or fold names."""

import errno
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.messages import csv_key
from hybridsphere.paths import csv_path
from tests.bridge.bridge_stage import rows
from tests.bridge.store.store_stage import files
from tests.disk_faults.faults import Faults
from tests.disk_faults.storing import result

EARLIER = [f"{number}.mp4" for number in range(100)]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    return Faults.compiled(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def faults(library: Faults) -> Faults:
    library.set()
    return library


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder whose bridge was killed: a hundred results are in the WAL alone."""
    folder = tmp_path_factory.mktemp("killed") / "results"
    command = [sys.executable, "-m", "tests.disk_faults.storing", "crash"]
    subprocess.run([*command, str(folder), " ".join(EARLIER)], check=True, capture_output=True)
    wal = ledger_path(folder).with_name("ledger.sqlite3-wal")
    assert wal.stat().st_size > 20_000
    return folder


@pytest.fixture
def crashed(killed: Path, folder: Path) -> Path:
    return shutil.copytree(killed, folder)


def keys(folder: Path) -> set[str]:
    return {row.key for row in rows(folder)}


SHM = "ledger.sqlite3-shm"
INDEX_FAULTS = {
    "once": [("ftruncate", SHM, errno.EIO, 1, 0)],
    "twice": [("ftruncate", SHM, errno.EIO, 2, 0)],
    # SQLite's close() takes the WAL for empty then.
    "and cannot be opened": [("ftruncate", SHM, errno.EIO, 1, 0), ("create", SHM, errno.EIO, 1, 1)],
    "for want of descriptors": [("create", SHM, errno.EMFILE, 1, 0)],
    "for want of inodes": [("create", SHM, errno.ENOSPC, 2, 0), ("open", SHM, errno.ENOENT, 2, 0)],
}


@pytest.mark.parametrize("fault", INDEX_FAULTS)
async def test_a_failing_index_of_the_wal_loses_no_result(
    faults: Faults, crashed: Path, fault: str
) -> None:
    faults.set(*INDEX_FAULTS[fault])
    async with faults.storing(crashed, "next.mp4") as store:
        await store.seen("stored")
    assert store.process.returncode == 0
    assert keys(crashed) == {*EARLIER, "next.mp4"}


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
async def test_a_store_that_ends_while_the_index_fails_loses_no_result(
    faults: Faults, crashed: Path, end: signal.Signals
) -> None:
    faults.set(("ftruncate", SHM, errno.EIO, 0, 0), ("create", SHM, errno.EIO, 0, 1))
    async with faults.storing(crashed, "next.mp4") as store:
        await store.seen("trouble.began", part="results")
        store.process.send_signal(end)
    faults.set()
    assert keys(crashed) == set(EARLIER)


@pytest.mark.parametrize(
    "rule",
    [
        ("mkdir", "_hybridsphere", errno.EROFS),
        ("mkdir", "results", errno.EROFS),
        ("create", "ledger.sqlite3-shm", errno.ENOSPC),
        ("open", "ledger.sqlite3", errno.EMFILE),
    ],
)
async def test_a_start_on_a_bad_disk_waits(
    faults: Faults, folder: Path, rule: tuple[str, str, int]
) -> None:
    faults.set((*rule, 0, 0))
    async with faults.storing(folder, "a.mp4") as store:
        await store.seen("trouble.began", part="results")
        assert store.of("ready") == []
        faults.set()
        await store.seen("stored")
    assert keys(folder) == {"a.mp4"}
    assert files(folder) == {"a.mp4.csv": result("a.mp4").csv}


@pytest.mark.parametrize(
    ("call", "end", "number"),
    [
        ("rename", "/odd/name.mp4.csv", errno.ENAMETOOLONG),
        ("rename", "/odd/name.mp4.csv", errno.EINVAL),
        ("rename", "/odd/name.mp4.csv", errno.EILSEQ),
        ("mkdir", "/odd", errno.EMLINK),
    ],
)
async def test_a_refused_name_delays_its_own_result_alone(
    faults: Faults, folder: Path, call: str, end: str, number: int
) -> None:
    faults.set((call, end, number, 0, 0))
    place = folder / "odd/name.mp4.csv"
    async with faults.storing(folder, "a.mp4", "odd/name.mp4", "b.mp4") as store:
        line = await store.seen("trouble.began")
        assert line["part"] == f"file {place}"
        assert "use a file system that takes this name" in line["reason"]
        await store.seen("result.written", times=2)
        assert keys(folder) == {"a.mp4", "b.mp4"}
        faults.set()
        await store.seen("stored")
    assert place.read_bytes().decode() == result("odd/name.mp4").csv


ALIKE = ("Video.mp4", "video.mp4", "VIDEO.MP4", "Ä/x.mp4", "ä/x.mp4", "_HybridSphere/x.mp4")


async def test_names_that_a_file_system_folds_have_a_file_each(
    faults: Faults, folder: Path
) -> None:
    async with faults.storing(folder, *ALIKE, folded=True) as store:
        await store.seen("stored")
    assert keys(folder) == set(ALIKE)
    # The library folds the escapes' own letters, too.
    places = {str(csv_path(csv_key(key), folds=True)).lower(): result(key).csv for key in ALIKE}
    assert files(folder) == places
