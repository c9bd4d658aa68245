"""The ledger: what became of every version of every upload, in one SQLite file.

One row per bucket, key and version. Several processes of one host may write to it at once.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Self

from hybridsphere.errors import CannotRun
from hybridsphere.messages import Result, S3Record, Version
from hybridsphere.paths import OWN_FOLDER

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

_BEGIN_ROW = """
INSERT INTO uploads (bucket, key, version, etag, sequencer, event_time, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""

# The first receipt and the first invocation count; redeliveries change nothing.
_INVOKED = """
UPDATE uploads SET received_at = coalesce(received_at, ?), invoked_at = coalesce(invoked_at, ?)
WHERE bucket = ? AND key = ? AND version = ?
"""

_ATTEMPT = """
UPDATE uploads SET received_at = coalesce(received_at, ?), attempts = attempts + 1
WHERE bucket = ? AND key = ? AND version = ? RETURNING attempts
"""

# A result replaces `failed`, never the reverse.
_RESULT = """
UPDATE uploads SET status = ?, reason = ?, people = ?, csv = ?, output_bucket = ?, output_key = ?,
    started_at = ?, finished_at = ?, stored_at = ?
WHERE bucket = ? AND key = ? AND version = ?
    AND (status IS NULL OR (status = 'failed' AND ? != 'failed'))
"""

_COLUMNS = """
    bucket, key, version, etag, sequencer, event_time, created_at, received_at, invoked_at,
    attempts, status, reason, people, csv, output_bucket, output_key, started_at, finished_at,
    stored_at
"""


class LedgerError(CannotRun):
    """A ledger that cannot be read; its text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A row of the ledger: one version of one upload. Times are UTC, as in `messages.utc_text`."""

    bucket: str
    key: str
    version: str
    etag: str
    sequencer: str | None
    event_time: str
    created_at: str
    received_at: str | None
    invoked_at: str | None
    attempts: int
    status: str | None
    reason: str | None
    people: list[dict[str, Any]]
    csv: str | None
    output_bucket: str | None
    output_key: str | None
    started_at: str | None
    finished_at: str | None
    stored_at: str | None

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Self:
        upload = dict(zip(cls.__slots__, row, strict=True))
        upload["people"] = json.loads(upload["people"] or "[]")
        return cls(**upload)


def ledger_path(results_dir: Path) -> Path:
    return results_dir / OWN_FOLDER / "ledger.sqlite3"


class Ledger:
    """The ledger, open. Changes are made inside `transaction()`; not for use by two threads."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._file = _file_id(path)

    @classmethod
    def open(cls, results_dir: Path) -> Self:
        """Open for writing; the ledger is made if there is none, its folder is not."""
        path = ledger_path(results_dir)
        # For nobody else's eyes; SQLite gives the files beside it the same mode.
        path.touch(mode=0o600)
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            _use_wal(connection)
            # An acknowledged result must survive a power cut, not only a crash of the process.
            connection.execute("PRAGMA synchronous = FULL")
            ledger = cls(connection, path)
            ledger._prepare()
        except BaseException:
            connection.close()
            raise
        return ledger

    @classmethod
    def read(cls, results_dir: Path) -> Self:
        """Open for reading only; raises LedgerError where there is none, or none that is whole."""
        path = ledger_path(results_dir)
        if not path.exists():
            raise LedgerError(
                f"no ledger at {path}: no bridge has stored a result there. "
                "Set HYBRIDSPHERE_RESULTS_DIR to the bridge's folder."
            )
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S
        )
        try:
            connection.execute("SELECT 1 FROM uploads LIMIT 1")
        except sqlite3.Error as error:
            connection.close()
            raise LedgerError(
                f"{path} cannot be read: {error}. Read it as the bridge's user, with its release."
            ) from error
        return cls(connection, path)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on disk when it ends; raises OSError if the file was taken away."""
        if _file_id(self._path) != self._file:
            raise FileNotFoundError(f"{self._path} was replaced while it was open")
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def note_invoked(self, record: S3Record, received_at: str, invoked_at: str) -> None:
        """Write down that the function was invoked for a record."""
        self._begin_row(record, received_at)
        self._connection.execute(_INVOKED, (received_at, invoked_at, *_identity(record)))

    def count_attempt(self, record: S3Record, received_at: str) -> int:
        """Count an attempt that ended in a function error; returns how many there were."""
        self._begin_row(record, received_at)
        row = self._connection.execute(_ATTEMPT, (received_at, *_identity(record))).fetchone()
        return int(row[0])

    def put_result(self, result: Result, stored_at: str) -> bool:
        """Write down a result; False if there was one already that stands."""
        self._begin_row(result, stored_at)
        people = json.dumps([person.to_dict() for person in result.people], ensure_ascii=False)
        outcome = (result.status, result.reason, people, result.csv)
        place = (result.output_bucket, result.output_key)
        times = (result.started_at, result.finished_at, stored_at)
        change = self._connection.execute(
            _RESULT, (*outcome, *place, *times, *_identity(result), result.status)
        )
        return change.rowcount > 0

    def newest(self, bucket: str, key: str) -> Upload | None:
        """The newest version of an upload that has a result."""
        newest: Upload | None = None
        for upload in self._select("bucket = ? AND key = ? AND status IS NOT NULL", (bucket, key)):
            if newest is None or _version(upload).newer_than(_version(newest)):
                newest = upload
        return newest

    def names(self, *, after: tuple[str, str], most: int) -> list[tuple[str, str]]:
        """A page of the bucket and key of what has a result, in their order."""
        return self._connection.execute(
            """SELECT DISTINCT bucket, key FROM uploads
            WHERE (bucket, key) > (?, ?) AND status IS NOT NULL ORDER BY bucket, key LIMIT ?""",
            (*after, most),
        ).fetchall()

    def uploads(self, *, since: str = "") -> Iterator[Upload]:
        """All rows first written at `since` or after, the oldest first."""
        yield from self._select("created_at >= ?", (since,))

    def counts(self) -> dict[str | None, int]:
        """How many uploads ended in each status; None counts those without a result."""
        return dict(
            self._connection.execute("SELECT status, count(*) FROM uploads GROUP BY status")
        )

    def _prepare(self) -> None:
        (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found == SCHEMA_VERSION:
            return
        if found:
            raise LedgerError(
                f"{self._path} has schema {found}, this release writes {SCHEMA_VERSION}: "
                "use the release that wrote it"
            )
        with self.transaction():
            # Another process may have been quicker.
            (found,) = self._connection.execute("PRAGMA user_version").fetchone()
            if not found:
                self._connection.execute(_SCHEMA)
                self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _begin_row(self, thing: S3Record | Result, at: str) -> None:
        self._connection.execute(_BEGIN_ROW, (*_identity(thing), *astuple(thing.version), at))

    def _select(self, where: str, values: tuple[str, ...]) -> Iterator[Upload]:
        query = f"SELECT {_COLUMNS} FROM uploads WHERE {where} ORDER BY rowid"  # noqa: S608 - ours
        yield from map(Upload.of_row, self._connection.execute(query, values))


def _use_wal(connection: sqlite3.Connection) -> None:
    """Readers and the writer of a WAL do not wait for each other."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # The time-out does not cover this: of two that begin a ledger, one fails at once.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)
        else:
            return


def _file_id(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _identity(thing: S3Record | Result) -> tuple[str, str, str]:
    return thing.bucket, thing.key, thing.version.id


def _version(upload: Upload) -> Version:
    return Version(upload.etag, upload.sequencer, upload.event_time)
