"""The work of the writer's thread: changes of the ledger, with the files that belong to them."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hybridsphere.ledger.csv_files import Blocked, CsvFiles
from hybridsphere.ledger.ledger import Ledger, LedgerError
from hybridsphere.messages import Result, utc_text

DISK = (OSError, sqlite3.Error)
"""Errors of a disk that is full or fails, its own or through SQLite."""

PAGE = 100
"""Files that one change restores, so that results are stored between two."""

Name = tuple[str, str]
"""Bucket and key of an upload."""

Change = Callable[[Ledger], Any]

Submit = Callable[[Change], Awaitable[Any]]
"""A call that runs a change in the writer's thread."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Names whose files are there now, except for those whose place is blocked."""

    names: Sequence[Name]
    blocked: dict[Name, Blocked]


class Writer:
    """The ledger and the files of one results folder; all methods run in one thread.

    After a failure the ledger is opened again: the disk under it may be another. `on_open` is
    called with each ledger that was opened, `on_edited` with the key and the copy of each CSV that
    somebody had edited.
    """

    def __init__(
        self,
        folder: Path,
        on_open: Callable[[Ledger], None],
        on_edited: Callable[[str, str], object] = lambda *_: None,
    ) -> None:
        self._folder = folder
        self._files = CsvFiles(folder, on_edited)
        self._on_open = on_open
        self._ledger: Ledger | None = None
        self._begun = False
        self.restored = 0
        """Files that were restored. A change counts here, because it may run twice."""

    def prepare(self) -> None:
        """Create the folders and open the ledger. Raises OSError, sqlite3.Error or LedgerError."""
        self._open()

    @property
    def held(self) -> str | None:
        """The reason why the ledger's WAL grows; None while it does not."""
        return self._ledger.held if self._ledger else None

    def close(self) -> None:
        """Close the ledger."""
        if self._ledger:
            self._ledger.close()
            self._ledger = None

    def apply(self, changes: Sequence[Change]) -> list[Any]:
        """Apply all changes in one transaction; a faulty change yields its error, undone.

        Raises OSError, sqlite3.Error or LedgerError; then no change was made.
        """
        try:
            ledger = self._ledger or self._open()
            try:
                with ledger.transaction():
                    return [change(ledger) for change in changes]
            except Exception as error:
                if not _at_fault(error):
                    raise
            # In one transaction again: if the disk fails now, no change is made twice.
            with ledger.transaction():
                return [_result_of(change, ledger) for change in changes]
        except Exception:
            self.close()
            raise

    def try_out(self, size: int) -> None:
        """Write `size` bytes beside the ledger, to find a full disk. Raises OSError."""
        self._files.try_out(size)

    def put(self, ledger: Ledger, results: Sequence[Result]) -> list[Result]:
        """Store results with their files; returns those that changed a row."""
        now = utc_text()
        written = []
        for result in results:
            csv = ledger.put_result(result, now)
            if csv is None:
                continue
            written.append(result)
            # Before the commit, whose lock keeps another bridge from writing an older version.
            if ledger.is_newest(result):
                known = partial(ledger.csvs, result.bucket, result.key)
                self._files.write(result.key, csv.encode(), known)
        return written

    def restore_page(self, ledger: Ledger, after: Name) -> Restored:
        """Write the missing files of the next names."""
        return self.restore(ledger, ledger.names(after=after, most=PAGE))

    def restore(self, ledger: Ledger, names: Sequence[Name]) -> Restored:
        """Write the missing files of these names."""
        blocked = {}
        for name in names:
            upload = ledger.newest(*name)
            content = ((upload and upload.effective_csv) or "").encode()
            if upload is None or self._files.has(upload.key, content):
                continue
            try:
                self._files.write(upload.key, content, partial(ledger.csvs, *name))
                self.restored += 1
            except Blocked as error:
                blocked[name] = error
        return Restored(names, blocked)

    def _open(self) -> Ledger:
        if not self._begun:
            self._folder.mkdir(parents=True, exist_ok=True)
        self._files.prepare()
        self._ledger = Ledger.open(self._folder)
        self._on_open(self._ledger)
        if not self._begun:
            self._files.clear()
        self._begun = True
        return self._ledger


def _result_of(change: Change, ledger: Ledger) -> Any:
    """Return a change's result, or its error once it is undone."""
    try:
        with ledger.savepoint():
            return change(ledger)
    except Exception as error:
        if not _at_fault(error):
            raise
        return error


def _at_fault(error: Exception) -> bool:
    """Tell whether the change fails, and not the disk or the ledger under it."""
    return isinstance(error, Blocked) or not isinstance(error, (*DISK, LedgerError))
