"""The file that the ledger is: made whole, opened, its schema checked."""

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from hybridsphere.errors import CannotRun

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 2.0
"""How long a writer waits for another process's transaction."""


_SCHEMA = """
CREATE TABLE uploads (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    etag TEXT NOT NULL,
    sequencer TEXT,
    event_time TEXT NOT NULL,
    created_at TEXT NOT NULL,
    received_at TEXT,
    invoked_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    status TEXT,
    reason TEXT,
    people TEXT,
    csv TEXT,
    output_bucket TEXT,
    output_key TEXT,
    started_at TEXT,
    finished_at TEXT,
    stored_at TEXT,
    PRIMARY KEY (bucket, key, version)
) STRICT
"""

# What the mirror has fetched: the object that each key of the output bucket last stood for.
_MIRRORED = """
CREATE TABLE mirrored (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    etag TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID
"""

# Whose uploads these are: one row. Made by the first bridge that starts on the ledger, so that one
# without it is of this schema too.
SERVED = "CREATE TABLE IF NOT EXISTS served (bucket TEXT NOT NULL) STRICT"

# The last: where a table is missing that the schema has.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


class LedgerError(CannotRun):
    """A ledger that cannot be read: why, and what to do about it; its text has both."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(f"{detail}; {remedy}")
        self.detail = detail
        self.remedy = remedy


def damaged(path: Path, why: object) -> LedgerError:
    """What to say of a ledger that is no longer whole."""
    # With its companions: SQLite would take the log of the old ledger's changes for the new one's.
    return LedgerError(
        f"{path} cannot be read: it is damaged ({why})",
        f"stop what uses it and move {path.name}* away: a copy of the ledger can take its place, "
        "else the bridge begins a new one",
    )


@contextmanager
def telling_damage(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a damaged file into LedgerError; other failures are the disk's."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The low byte is the kind, the rest its details; errors of the module itself have none.
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _DAMAGE:
            raise damaged(path, error) from error
        raise


def connect(path: Path, mode: Literal["rw", "ro"] = "rw") -> sqlite3.Connection:
    """Open a ledger that is there; raises LedgerError if it is none, damaged or another release's.

    A disk that fails is the caller's to wait for: that is sqlite3.Error.
    """
    connection = _connect(path, mode)
    try:
        with telling_damage(path):
            # An acknowledged result must survive a power cut, not only a crash of the process.
            connection.execute("PRAGMA synchronous = FULL")
            (found,) = connection.execute("PRAGMA user_version").fetchone()
    except BaseException:
        connection.close()
        raise
    if found == SCHEMA_VERSION:
        return connection
    connection.close()
    if not found:
        raise LedgerError(f"{path} cannot be read: it is no ledger", "move it away")
    raise LedgerError(
        f"{path} has schema {found}, this release knows {SCHEMA_VERSION}",
        "use the release that wrote it",
    )


def create(path: Path) -> None:
    """Make a ledger whole, then give it its name: nobody ever meets half of one.

    Of several that do so at once, the first one's stays. Raises LedgerError where part of another
    ledger lies about.
    """
    refuse_remains(path)
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        connection = _connect(new, "rwc")
        # Readers and the writer of a WAL do not wait for each other.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(_SCHEMA)
        connection.execute(_MIRRORED)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.close()
        new.chmod(0o600)
        with suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        new.unlink(missing_ok=True)
    _sync_folder(path.parent)


def refuse_remains(path: Path) -> None:
    """Raise LedgerError where part of another ledger lies in the place of one that is not there."""
    log = path.with_name(f"{path.name}-wal")
    # In this order: whoever makes a ledger meanwhile makes its log after it.
    if log.exists() and not path.exists():
        # SQLite would take these changes for the new ledger's.
        raise LedgerError(f"{log} is left of a ledger that was moved away", "move it there too")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
