"""The ledger's file: created whole, opened, checked, and closed without a risk."""

import errno
import fcntl
import os
import sqlite3
import struct
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from hybridsphere.errors import CannotRun
from hybridsphere.files import publish
from hybridsphere.ledger.schema import SCHEMA_VERSION, create_tables, migrate
from hybridsphere.messages import utc_text

BUSY_TIMEOUT_S = 2.0
"""How long a writer waits for another process's transaction."""

# The bytes that readers of a database lock (SQLite, "File Locking And Concurrency").
_SHARED_FIRST = 0x40000002
_SHARED_SIZE = 510

# SQLITE_ERROR: a table of the schema is missing.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


class LedgerError(CannotRun):
    """A ledger that cannot be read; `hint` is the next step."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, hint=remedy)


def damaged(path: Path, why: object) -> LedgerError:
    """Describe a damaged ledger and the remedy."""
    # All three files: SQLite would apply the old ledger's WAL to the new ledger.
    return LedgerError(
        f"{path} cannot be read: it is damaged ({why})",
        f"stop what uses it and move {path.name}* away: a copy of the ledger can take its place, "
        "else the bridge begins a new one",
    )


@contextmanager
def detecting_damage(path: Path) -> Iterator[None]:
    """Raise LedgerError for a damaged file; errors of the disk pass unchanged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The low byte is the kind of error. Errors of the module itself have no code.
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _DAMAGE:
            raise damaged(path, error) from error
        raise


def connect(path: Path, mode: Literal["rw", "ro", "rwc"] = "rw") -> sqlite3.Connection:
    """Open the file and read nothing yet. Raises OSError or sqlite3.Error."""
    if mode == "rw":
        for end in ("", "-wal", "-shm"):
            _refuse_unwritable(path.with_name(path.name + end))
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def _refuse_unwritable(path: Path) -> None:
    """Raise OSError for a file that SQLite would open for reading alone, and keep so."""
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        number = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(number, os.strerror(number), str(path))


def check(connection: sqlite3.Connection, path: Path) -> int:
    """Prepare a connection and return the schema's number.

    Raises LedgerError for a damaged file, another kind of file, or a newer release's ledger.
    """
    with detecting_damage(path):
        # An acknowledged result must survive a power cut, not only a crash of the process.
        connection.execute("PRAGMA synchronous = FULL")
        (found,) = connection.execute("PRAGMA user_version").fetchone()
    if not found:
        raise LedgerError(f"{path} cannot be read: it is no ledger", "move it away")
    if found > SCHEMA_VERSION:
        raise LedgerError(
            f"{path} has schema {found}, this release knows {SCHEMA_VERSION}",
            "use the release that wrote it",
        )
    return int(found)


def update(connection: sqlite3.Connection, path: Path) -> bool:
    """Bring an older release's ledger to this schema; False if there is nothing to do."""
    with detecting_damage(path):
        return migrate(connection, utc_text())


def create(path: Path) -> bool:
    """Create a ledger whole, then give it its name; nobody ever meets half a ledger.

    Returns False if another process was first: its ledger stays. Raises LedgerError where part of
    another ledger lies.
    """
    refuse_remains(path)
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        with closing(connect(new, "rwc")) as connection:
            # Readers and the writer of a WAL do not wait for each other.
            connection.execute("PRAGMA journal_mode = WAL")
            create_tables(connection, utc_text())
        new.chmod(0o600)
        return publish(new, path)
    finally:
        for rest in ("", "-wal", "-shm", "-journal"):
            new.with_name(new.name + rest).unlink(missing_ok=True)


def refuse_remains(path: Path) -> None:
    """Raise LedgerError where a WAL lies without its ledger."""
    log = path.with_name(f"{path.name}-wal")
    # In this order: a process that creates a ledger meanwhile creates its WAL afterwards.
    if log.exists() and not path.exists():
        # SQLite would apply these changes to the new ledger.
        raise LedgerError(f"{log} is left of a ledger that was moved away", "move it there too")


class Guard:
    """A shared lock on the ledger's file, with which SQLite's close deletes no WAL.

    After a failure SQLite may take the WAL for empty, and the last connection deletes it, by its
    name. The results in it may be nowhere else, or belong to a ledger that has replaced this one.
    The lock belongs to the open file, so it also works against connections of this process.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock; wait for a program that lets nobody read. Raises OSError."""
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        while not self._locked():
            if time.monotonic() > deadline:
                os.close(self._file)
                raise BlockingIOError(errno.EAGAIN, "another program has locked it", str(path))
            time.sleep(0.005)

    def release(self) -> None:
        """Let a close tidy up. Only after the last operation went well."""
        self._lock(fcntl.F_UNLCK)

    def close(self) -> None:
        """Give up the lock. SQLite's own locks on the file go, too, so close connections first."""
        os.close(self._file)

    def _locked(self) -> bool:
        try:
            self._lock(fcntl.F_RDLCK)
        except BlockingIOError:
            return False
        return True

    def _lock(self, kind: int) -> None:
        # `struct flock`: type, whence, start, length, process, and padding.
        lock = struct.pack("hhqqi0q", kind, os.SEEK_SET, _SHARED_FIRST, _SHARED_SIZE, 0)
        fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, lock)
