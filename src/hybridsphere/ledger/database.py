"""An open SQLite file of the results folder, with transactions that are on disk when they end."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar, Self

from hybridsphere.ledger.file import Guard, Kind, connect
from hybridsphere.ledger.wal import Wal


class Database:
    """A file of one kind, open. Changes are made inside `transaction()`; not for two threads.

    `created` and `migrated` tell what opening it has done; `schema` is the number of its tables.
    """

    kind: ClassVar[Kind]

    def __init__(
        self, connection: sqlite3.Connection, path: Path, schema: int, guard: Guard | None = None
    ) -> None:
        self._connection = connection
        self._path = path
        self._guard = guard
        self._file = _file_id(path)
        self._wal = Wal(connection, path, self.kind.noun)
        # Whether the last operation on the file went well: only then may SQLite tidy up.
        self._sound = True
        self.schema = schema
        self.created = False
        self.migrated = False

    @classmethod
    def open(cls, results_dir: Path) -> Self:
        """Open for writing; creates a missing file, but not its folder.

        Migrates a file of an older release. Raises the kind's error, OSError or sqlite3.Error.
        """
        kind, path = cls.kind, cls.kind.path(results_dir)
        created = not path.exists() and kind.begin(path)
        guard = Guard(path)
        try:
            connection = connect(path)
            try:
                old = kind.check(connection, path) < kind.version
                migrated = old and kind.update(connection, path)
                database = cls(connection, path, kind.version, guard)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            guard.close()
            raise
        database.created, database.migrated = created, migrated
        return database

    @classmethod
    @contextmanager
    def read(cls, results_dir: Path) -> Iterator[Self]:
        """Open for reading, files of older releases as they are.

        Raises the kind's error for a missing or damaged file, at once or in the middle.
        """
        kind, path = cls.kind, cls.kind.path(results_dir)
        if not path.exists():
            reason, remedy = kind.missing
            raise kind.error(f"no {kind.noun} at {path}: {reason}", remedy)
        try:
            # A connection for reading alone deletes nothing when it is closed.
            with kind.detecting_damage(path), closing(connect(path, mode="ro")) as connection:
                yield cls(connection, path, kind.check(connection, path))
        except sqlite3.Error as error:
            raise kind.error(
                f"{path} cannot be read: {error}", "read it as the bridge's user"
            ) from error

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for modules with statements of their own."""
        return self._connection

    def size(self) -> int:
        """Return the size of the file in bytes."""
        return self._path.stat().st_size

    def close(self) -> None:
        """Close the file; SQLite tidies up unless an operation failed or the file was replaced."""
        if self._guard and self._sound and not self.is_replaced():
            self._guard.release()
        self._connection.close()
        if self._guard:
            self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_replaced(self) -> bool:
        """Tell whether another file, or none, has the file's name by now."""
        try:
            return _file_id(self._path) != self._file
        except OSError:
            return True

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Apply all changes or none; they are on disk when this ends.

        Raises OSError if the file was replaced or a reader holds too much, the kind's error if it
        is damaged.
        """
        if _file_id(self._path) != self._file:
            raise FileNotFoundError(f"{self._path} was replaced while it was open")
        with self.kind.detecting_damage(self._path):
            self._sound = False
            self._wal.bound()
            self._connection.execute("BEGIN IMMEDIATE")
            self._begun()
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._sound = not isinstance(error, sqlite3.Error)
                raise
            self._sound = True

    def _begun(self) -> None:
        """Forget facts that other processes may have changed since the last transaction."""

    def _has_table(self, name: str) -> bool:
        """Tell whether the file has a table, which older ones may lack."""
        query = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
        return bool(self._connection.execute(query, (name,)).fetchone()[0])

    @property
    def held(self) -> str | None:
        """The reason why the WAL grows; None while it does not."""
        return self._wal.held

    def shorten_wal(self) -> bool:
        """Move the WAL's content into the file and empty the WAL; False while a reader holds it.

        Until then the WAL may hold copies of what was deleted.
        """
        return self._wal.shorten()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that fails alone."""
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            # After some failures SQLite has rolled back the whole transaction.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
            raise
        self._connection.execute("RELEASE part")


def _file_id(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
