"""The memory as the bridge writes it: in one thread, which is not that of the results."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hybridsphere.bridge.faces.arrival import Arrival, Kept, Unkept
from hybridsphere.ledger.csv_files import CsvFiles
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.schema import MEMORY
from hybridsphere.messages import utc_text

if TYPE_CHECKING:
    from hybridsphere.memory.memory import Memory

# The memory needs numpy, which a bridge without faces never loads.
# ruff: noqa: PLC0415

PAGE = 200
"""Faces that one transaction removes, so that new ones are kept between two."""


class Keeper:
    """The memory of one results folder; all methods run in one thread.

    A folder without faces gets no memory. After a failure the memory is opened again. `on_edited`
    is called with the key and the copy of each CSV that somebody had edited.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep_unknown_days: int,
        keep_faces_days: int,
        on_edited: Callable[[str, str], object] = lambda *_: None,
    ) -> None:
        self._folder = folder
        self._on_edited = on_edited
        self._keep_faces = timedelta(days=keep_faces_days)
        self._keep_unknown = timedelta(days=min(keep_unknown_days, keep_faces_days))
        self._memory: Memory | None = None

    def keep(self, arrivals: Sequence[Arrival]) -> list[Kept | Unkept]:
        """Keep faces in one transaction; an object that cannot be used is refused alone.

        Raises OSError, sqlite3.Error or MemoryFileError; then nothing was kept.
        """
        if not (self._exists() or any(arrival.content for arrival in arrivals)):
            return [Kept(0) for _ in arrivals]
        from hybridsphere.bridge.faces import keeping

        read = [keeping.read(arrival) for arrival in arrivals]
        memory = self._open()
        try:
            with memory.transaction():
                return [
                    keeping.keep(memory, arrival.debt, found)
                    for arrival, found in zip(arrivals, read, strict=True)
                ]
        except BaseException:
            self.close()
            raise

    def derive(self) -> int:
        """Derive a page of answers that are stale, also those that a crash left; returns how many.

        Raises OSError, sqlite3.Error, MemoryFileError or LedgerError.
        """
        if not self._exists():
            return 0
        memory = self._open()
        if not memory.stale(1):
            return 0
        from hybridsphere.memory.answers import derive_stale

        try:
            with Ledger.open(self._folder) as ledger:
                files = CsvFiles(self._folder, self._on_edited)
                files.prepare()
                return derive_stale(memory, ledger, files)
        except BaseException:
            self.close()
            raise

    def expire(self) -> int:
        """Remove a page of faces that are old enough; returns how many.

        Raises OSError, sqlite3.Error or MemoryFileError.
        """
        if not self._exists():
            return 0
        memory = self._open()
        now = datetime.now(UTC)
        try:
            with memory.transaction():
                removed = memory.expire(
                    unknown_before=utc_text(now - self._keep_unknown),
                    faces_before=utc_text(now - self._keep_faces),
                    most=PAGE,
                )
            if removed:
                # A copy of what was removed lies in the WAL until then.
                memory.shorten_wal()
        except BaseException:
            self.close()
            raise
        return removed

    def close(self) -> None:
        """Close the memory."""
        if self._memory:
            self._memory.close()
            self._memory = None

    def _exists(self) -> bool:
        return self._memory is not None or MEMORY.path(self._folder).exists()

    def _open(self) -> "Memory":
        if self._memory and self._memory.is_replaced():
            self.close()
        if self._memory is None:
            from hybridsphere.memory.memory import Memory

            self._memory = Memory.open(self._folder)
        return self._memory
