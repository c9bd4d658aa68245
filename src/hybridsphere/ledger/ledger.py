"""The ledger: what became of every version of every upload, in one SQLite file.

One row per bucket, key and version. Several processes of one host may write to it at once.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import orjson

from hybridsphere.ledger.file import SERVED, LedgerError, connect, create, damaged, telling_damage
from hybridsphere.ledger.upload import COLUMNS, Upload, newest
from hybridsphere.messages import Result, S3Record, Version, newest_of
from hybridsphere.paths import OWN_FOLDER

__all__ = ["Ledger", "LedgerError", "Upload", "ledger_path", "newest"]

# The first receipt and the first invocation count; redeliveries change nothing.
_INVOKED = """
INSERT INTO uploads
    (bucket, key, version, etag, sequencer, event_time, created_at, received_at, invoked_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    received_at = coalesce(received_at, excluded.received_at),
    invoked_at = coalesce(invoked_at, excluded.invoked_at)
"""

_ATTEMPT = """
INSERT INTO uploads
    (bucket, key, version, etag, sequencer, event_time, created_at, received_at, attempts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)
ON CONFLICT DO UPDATE SET
    received_at = coalesce(received_at, excluded.received_at), attempts = attempts + 1
RETURNING attempts
"""

# A result replaces `failed`, never the reverse.
_RESULT = """
INSERT INTO uploads
    (bucket, key, version, etag, sequencer, event_time, created_at, status, reason, people, csv,
     output_bucket, output_key, started_at, finished_at, stored_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    status = excluded.status, reason = excluded.reason, people = excluded.people,
    csv = excluded.csv, output_bucket = excluded.output_bucket, output_key = excluded.output_key,
    started_at = excluded.started_at, finished_at = excluded.finished_at,
    stored_at = excluded.stored_at
WHERE status IS NULL OR (status = 'failed' AND excluded.status != 'failed')
"""


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
        if not path.exists():
            create(path)
        return cls(connect(path), path)

    @classmethod
    @contextmanager
    def read(cls, results_dir: Path) -> Iterator[Self]:
        """The ledger for reading only; raises LedgerError where there is none, or none that is
        whole, be that found at once or in the middle.
        """
        path = ledger_path(results_dir)
        if not path.exists():
            raise LedgerError(
                f"no ledger at {path}: no bridge has stored a result there",
                "set HYBRIDSPHERE_RESULTS_DIR to the bridge's folder",
            )
        try:
            with telling_damage(path), cls(connect(path, mode="ro"), path) as ledger:
                yield ledger
        except sqlite3.Error as error:
            raise LedgerError(
                f"{path} cannot be read: {error}", "read it as the bridge's user"
            ) from error

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on disk when it ends.

        Raises OSError if the file was taken away, LedgerError if it is damaged.
        """
        if _file_id(self._path) != self._file:
            raise FileNotFoundError(f"{self._path} was replaced while it was open")
        with telling_damage(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that fails alone."""
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            # After some failures SQLite has undone the whole transaction by itself.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
            raise
        self._connection.execute("RELEASE part")

    def claim(self, bucket: str) -> str:
        """Write down that these are the uploads of a bucket, unless they are another's already.

        Returns whose they are. Of several that ask at once the first has it, by the transaction.
        """
        self._connection.execute(SERVED)
        owner = self.owner(bucket)
        if owner is None:
            self._connection.execute("INSERT INTO served VALUES (?)", (bucket,))
        return owner or bucket

    def owner(self, bucket: str) -> str | None:
        """The bucket that has claimed these uploads, or another than `bucket` with rows here."""
        served = "SELECT 1 FROM sqlite_schema WHERE name = 'served'"
        claimed = "SELECT bucket FROM served UNION ALL"
        found = self._connection.execute(
            f"""{claimed if self._connection.execute(served).fetchone() else ""}
            SELECT bucket FROM uploads WHERE bucket < ?1 OR bucket > ?1 LIMIT 1""",  # noqa: S608 - ours
            (bucket,),
        ).fetchone()
        return str(found[0]) if found else None

    def note_invoked(self, record: S3Record, received_at: str, invoked_at: str) -> None:
        """Write down that the function was invoked for a record."""
        times = (received_at, received_at, invoked_at)
        self._connection.execute(_INVOKED, (*_beginning(record), *times))

    def count_attempt(self, record: S3Record, received_at: str) -> int:
        """Count an attempt that ended in a function error; returns how many there were."""
        times = (received_at, received_at)
        row = self._connection.execute(_ATTEMPT, (*_beginning(record), *times)).fetchone()
        return int(row[0])

    def put_result(self, result: Result, stored_at: str) -> bool:
        """Write down a result; False if there was one already that stands."""
        people = orjson.dumps([person.to_dict() for person in result.people]).decode()
        outcome = (result.status, result.reason, people, result.csv)
        place = (result.output_bucket, result.output_key)
        times = (result.started_at, result.finished_at, stored_at)
        change = self._connection.execute(
            _RESULT, (*_beginning(result), stored_at, *outcome, *place, *times)
        )
        return change.rowcount > 0

    def is_newest(self, result: Result) -> bool:
        """Whether of all versions with a result, its own among them, it is that of the newest."""
        found = self._connection.execute(
            """SELECT etag, sequencer, event_time FROM uploads
            WHERE bucket = ? AND key = ? AND status IS NOT NULL""",
            (result.bucket, result.key),
        )
        versions = [Version(*row) for row in found]
        # Mostly there is but its own.
        newest = versions[0] if len(versions) == 1 else newest_of(versions, lambda one: one)
        return newest is not None and newest.id == result.version.id

    def is_done(self, record: S3Record) -> bool:
        """Whether a version was invoked, or has its result, so that nothing is left to do."""
        found = self._connection.execute(
            """SELECT 1 FROM uploads WHERE bucket = ? AND key = ? AND version = ?
            AND (invoked_at IS NOT NULL OR status IS NOT NULL)""",
            _identity(record),
        )
        return found.fetchone() is not None

    def is_mirrored(self, bucket: str, key: str, etag: str, last_modified: str) -> bool:
        """Whether an object of the output bucket, as it stands, was fetched."""
        found = self._connection.execute(
            """SELECT 1 FROM mirrored
            WHERE bucket = ? AND key = ? AND etag = ? AND last_modified = ?""",
            (bucket, key, etag, last_modified),
        )
        return found.fetchone() is not None

    def note_mirrored(self, bucket: str, key: str, etag: str, last_modified: str) -> None:
        """Write down that an object of the output bucket was fetched."""
        self._connection.execute(
            "INSERT OR REPLACE INTO mirrored VALUES (?, ?, ?, ?)",
            (bucket, key, etag, last_modified),
        )

    def newest(self, bucket: str, key: str) -> Upload | None:
        """The newest version of an upload that has a result."""
        return newest(self._select("bucket = ? AND key = ? AND status IS NOT NULL", (bucket, key)))

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

    def _select(self, where: str, values: tuple[str, ...]) -> Iterator[Upload]:
        query = f"SELECT {COLUMNS} FROM uploads WHERE {where} ORDER BY rowid"  # noqa: S608 - ours
        for row in self._connection.execute(query, values):
            try:
                upload = Upload.of_row(row)
            except ValueError as error:
                raise damaged(self._path, error) from error
            yield upload


def _file_id(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _identity(thing: S3Record | Result) -> tuple[str, str, str]:
    return thing.bucket, thing.key, thing.version.id


def _beginning(thing: S3Record | Result) -> tuple[str | None, ...]:
    """What a row begins with, whatever it is written for."""
    version = thing.version
    identity = (thing.bucket, thing.key, version.id)
    return (*identity, version.etag, version.sequencer, version.event_time)
