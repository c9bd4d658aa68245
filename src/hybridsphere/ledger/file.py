"""A SQLite file of the results folder: created whole, opened, checked, closed without a risk."""

import errno
import fcntl
import os
import sqlite3
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hybridsphere.errors import CannotRun
from hybridsphere.files import publish
from hybridsphere.messages import utc_text
from hybridsphere.paths import OWN_FOLDER

BUSY_TIMEOUT_S = 2.0
"""How long a writer waits for another process's transaction."""

# The bytes that readers of a database lock (SQLite, "File Locking And Concurrency").
_SHARED_FIRST = 0x40000002
_SHARED_SIZE = 510

# SQLITE_ERROR: a table of the schema is missing.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


class UnreadableFile(CannotRun):
    """A file of the results folder that cannot be read; `hint` is the next step."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, hint=remedy)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file.

    - `noun`: its word in errors; `name`: the file's name below the folder `_hybridsphere`.
    - `version`: the number of this release's schema, from 1 on.
    - `create`: gives an empty database the tables.
    - `upgrade`: brings a database from an older number to this release's.
    - `error`: the class of its errors; `missing`: reason and remedy where it does not exist.
    - `secure_delete`: overwrite deleted content with zeros.
    """

    noun: str
    name: str
    version: int
    create: Callable[[sqlite3.Connection, str], None]
    upgrade: Callable[[sqlite3.Connection, int, str], None]
    error: type[UnreadableFile]
    missing: tuple[str, str]
    secure_delete: bool = False

    def path(self, results_dir: Path) -> Path:
        """Give the file's place in a results folder."""
        return results_dir / OWN_FOLDER / self.name

    def damaged(self, path: Path, why: object) -> UnreadableFile:
        """Describe a damaged file and the remedy."""
        # All three files: SQLite would apply the old file's WAL to the new one.
        return self.error(
            f"{path} cannot be read: it is damaged ({why})",
            f"stop what uses it and move {path.name}* away: a copy of the {self.noun} can take its "
            "place, else the bridge begins a new one",
        )

    @contextmanager
    def detecting_damage(self, path: Path) -> Iterator[None]:
        """Raise the kind's error for a damaged file; errors of the disk pass unchanged."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            # The low byte is the kind of error. Errors of the module itself have no code.
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _DAMAGE:
                raise self.damaged(path, error) from error
            raise

    def check(self, connection: sqlite3.Connection, path: Path) -> int:
        """Prepare a connection and return the schema's number.

        Raises the kind's error for a damaged file, another kind of file, or a newer release's.
        """
        with self.detecting_damage(path):
            # An acknowledged result must survive a power cut, not only a crash of the process.
            connection.execute("PRAGMA synchronous = FULL")
            if self.secure_delete:
                connection.execute("PRAGMA secure_delete = ON")
            (found,) = connection.execute("PRAGMA user_version").fetchone()
        if not found:
            raise self.error(f"{path} cannot be read: it is no {self.noun}", "move it away")
        if found > self.version:
            raise self.error(
                f"{path} has schema {found}, this release knows {self.version}",
                "use the release that wrote it",
            )
        return int(found)

    def update(self, connection: sqlite3.Connection, path: Path) -> bool:
        """Bring an older release's file to this schema; False if another process has done so."""
        with self.detecting_damage(path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                (found,) = connection.execute("PRAGMA user_version").fetchone()
                if found < self.version:
                    self.upgrade(connection, found, utc_text())
                    connection.execute(f"PRAGMA user_version = {self.version}")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return bool(found < self.version)

    def begin(self, path: Path) -> bool:
        """Create a file whole, then give it its name; nobody ever meets half a file.

        Returns False if another process was first: its file stays. Raises the kind's error where
        part of another file lies.
        """
        self.refuse_remains(path)
        new = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        try:
            with closing(connect(new, "rwc")) as connection:
                # Readers and the writer of a WAL do not wait for each other.
                connection.execute("PRAGMA journal_mode = WAL")
                self.create(connection, utc_text())
                connection.execute(f"PRAGMA user_version = {self.version}")
            new.chmod(0o600)
            return publish(new, path)
        finally:
            for rest in ("", "-wal", "-shm", "-journal"):
                new.with_name(new.name + rest).unlink(missing_ok=True)

    def refuse_remains(self, path: Path) -> None:
        """Raise the kind's error where a WAL lies without its file."""
        log = path.with_name(f"{path.name}-wal")
        # In this order: a process that creates a file meanwhile creates its WAL afterwards.
        if log.exists() and not path.exists():
            # SQLite would apply these changes to the new file.
            raise self.error(
                f"{log} is left of a {self.noun} that was moved away", "move it there too"
            )


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


class Guard:
    """A shared lock on the file, with which SQLite's close deletes no WAL.

    After a failure SQLite may take the WAL for empty, and the last connection deletes it, by its
    name. The results in it may be nowhere else, or belong to a file that has replaced this one.
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
