"""Disks that fail, places that are blocked, and the files on disk, for the tests of this room."""

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.messages import Result
from hybridsphere.paths import OWN_FOLDER
from tests.bridge.bridge_stage import storing
from tests.samples import record, result

FAILED = Result.failed(record(), "RetriesExhausted")


def files(folder: Path) -> dict[str, str]:
    """The CSV files by their path, as they are byte for byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes().decode()
        for path in folder.rglob("*.csv")
        if path.is_file()
    }


def leftovers(folder: Path) -> list[Path]:
    return list((folder / OWN_FOLDER / "partial").iterdir())


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def gone(folder: Path) -> Iterator[None]:
    away = folder.rename(folder.with_name("away"))
    yield
    assert not folder.exists(), "made anew where a disk should be mounted"
    away.rename(folder)


@contextmanager
def unmounted(folder: Path) -> Iterator[None]:
    """The mount is gone, and the empty folder below it shows."""
    away = folder.rename(folder.with_name("away"))
    folder.mkdir()
    yield
    # Nothing has been written where it would be hidden.
    folder.rmdir()
    away.rename(folder)


@contextmanager
def replaced_by_a_file(folder: Path) -> Iterator[None]:
    away = folder.rename(folder.with_name("away"))
    folder.touch()
    yield
    folder.unlink()
    away.rename(folder)


@contextmanager
def without_own_folder(folder: Path) -> Iterator[None]:
    own = folder / OWN_FOLDER
    away = own.rename(folder / "away")
    own.touch()
    yield
    own.unlink()
    away.rename(own)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """No file of this process may grow beyond a kilobyte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def refusing_rows(folder: Path) -> Iterator[None]:
    """The disk is well, and the ledger is not."""
    with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as other:
        other.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON uploads "
            "BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
        yield
        other.execute("DROP TRIGGER broken")


@contextmanager
def held_exclusively(folder: Path) -> Iterator[None]:
    """By another process that lets nobody even read: a repair, say."""
    with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield


def damage(folder: Path) -> None:
    """Spoil a ledger beyond its first page."""
    whole = ledger_path(folder).read_bytes()
    ledger_path(folder).write_bytes(whole[:4096].ljust(len(whole), b"\0"))


def a_folder_of_its_name(folder: Path) -> Path:
    (folder / "a").mkdir(exist_ok=True)
    (folder / "a/b.mp4.csv").mkdir()
    return folder / "a/b.mp4.csv"


def a_file_for_its_folder(folder: Path) -> Path:
    (folder / "a").touch()
    return folder / "a"


def a_link_to_itself_for_its_folder(folder: Path) -> Path:
    (folder / "a").symlink_to("a")
    return folder / "a"


def a_link_to_another_disk_for_its_folder(folder: Path) -> Path:
    # Which no file comes to: that it is another disk is found first.
    (folder / "a").symlink_to("/proc")
    return folder / "a"


UNBLOCK = "move away what blocks the place of"


BLOCKS = {
    a_folder_of_its_name: UNBLOCK,
    a_file_for_its_folder: UNBLOCK,
    a_link_to_itself_for_its_folder: UNBLOCK,
    a_link_to_another_disk_for_its_folder: "keep on the results folder's own disk the folder",
}


BLOCKED = "file {}/a/b.mp4.csv"


def only_the_ledger(folder: Path) -> None:
    away = folder.rename(folder.with_name("lost"))
    folder.mkdir()
    (away / OWN_FOLDER).rename(folder / OWN_FOLDER)


async def lost(folder: Path, *keys: str) -> None:
    """Results whose rows are in the ledger, and of whose files and folders nothing is left."""
    async with storing(folder) as store:
        await store.put([result(key) for key in keys])
    only_the_ledger(folder)


@contextmanager
def forbidden(folder: Path) -> Iterator[None]:
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("root may write everywhere")
    yield
    folder.chmod(0o700)
