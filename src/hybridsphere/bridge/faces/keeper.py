"""The memory as the bridge writes it: in one thread, which is not that of the results."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hybridsphere.bridge.faces.fetcher import GONE, Unkept
from hybridsphere.ledger.csv_files import CsvFiles
from hybridsphere.ledger.debts import Debt
from hybridsphere.ledger.file import UnreadableFile
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.answers import derive_stale
from hybridsphere.memory.evidence import Evidence, EvidenceError, parse
from hybridsphere.memory.memory import Memory, memory_path
from hybridsphere.messages import utc_text

DISK = (OSError, sqlite3.Error, UnreadableFile)
"""Errors of a disk that is full or fails, or of a file that must be moved away."""

_AT_FAULT = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""Errors of a value that the memory does not take, and not of the disk."""

PAGE = 200
"""Faces that one transaction removes, so that new ones are kept between two."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object that was fetched for a debt; None for a debt without an object."""

    debt: Debt
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Faces that are in the memory: how many."""

    faces: int


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
        read = [_read(arrival) for arrival in arrivals]
        if not (self._exists() or any(isinstance(one, Evidence) for one in read)):
            return [one if isinstance(one, Unkept) else Kept(0) for one in read]
        memory = self._open()
        try:
            with memory.transaction():
                return [
                    _take_alone(memory, arrival.debt, evidence)
                    for arrival, evidence in zip(arrivals, read, strict=True)
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
        return self._memory is not None or memory_path(self._folder).exists()

    def _open(self) -> Memory:
        if self._memory and self._memory.is_replaced():
            self.close()
        if self._memory is None:
            self._memory = Memory.open(self._folder)
        return self._memory


def _read(arrival: Arrival) -> Evidence | Unkept | None:
    """Read an object; refuse a hostile object, or another video's."""
    if arrival.content is None:
        return None
    debt = arrival.debt
    try:
        evidence = parse(arrival.content)
    except EvidenceError as error:
        return Unkept.refused(str(error))
    if (evidence.bucket, evidence.key) != (debt.bucket, debt.key):
        return Unkept.refused("the object is about another video")
    version = evidence.version
    if debt.version not in {version.id, version.first_id}:
        # There is one object a key, and a newer upload has replaced it.
        return Unkept(GONE)
    return evidence


def _take_alone(memory: Memory, debt: Debt, evidence: Evidence | Unkept | None) -> Kept | Unkept:
    """Keep one object; whatever is wrong with it concerns no other."""
    try:
        with memory.savepoint():
            return _take(memory, debt, evidence)
    except Exception as error:
        if isinstance(error, DISK) and not isinstance(error, _AT_FAULT):
            raise
        return Unkept.refused(f"{type(error).__name__}: {error}")


def _take(memory: Memory, debt: Debt, evidence: Evidence | Unkept | None) -> Kept | Unkept:
    kept = Kept(0)
    if isinstance(evidence, Evidence):
        memory.take_evidence(evidence, debt.version)
        kept = Kept(len(evidence.faces))
    # The present answer was derived from an earlier attempt's result.
    is_later = debt.attempt > 1 or evidence is None
    if is_later and (video := memory.video(debt.bucket, debt.key, debt.version)):
        memory.mark_stale(video.id)
    return evidence if isinstance(evidence, Unkept) else kept
