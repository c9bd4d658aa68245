"""The memory as the bridge writes it: in one thread, which is not that of the results."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hybridsphere.bridge.faces.fetcher import GONE, Unkept
from hybridsphere.ledger.debts import Debt
from hybridsphere.memory.evidence import Evidence, EvidenceError, parse
from hybridsphere.memory.memory import Memory, MemoryFileError, memory_path
from hybridsphere.memory.retention import expire
from hybridsphere.messages import utc_text

DISK = (OSError, sqlite3.Error, MemoryFileError)
"""Errors of a disk that is full or fails, or of a memory that must be moved away."""

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

    A folder without faces gets no memory. After a failure the memory is opened again.
    """

    def __init__(self, folder: Path, keep_unknown_days: int, keep_faces_days: int) -> None:
        self._folder = folder
        self._keep_faces = timedelta(days=keep_faces_days)
        self._keep_unknown = timedelta(days=min(keep_unknown_days, keep_faces_days))
        self._memory: Memory | None = None

    def keep(self, arrivals: Sequence[Arrival]) -> list[Kept | Unkept]:
        """Keep faces in one transaction; an object that cannot be used is refused alone.

        Raises OSError, sqlite3.Error or MemoryFileError; then nothing was kept.
        """
        read = [_read(arrival) for arrival in arrivals]
        memory = self._open()
        try:
            with memory.transaction():
                return [
                    _take(memory, arrival.debt, evidence)
                    for arrival, evidence in zip(arrivals, read, strict=True)
                ]
        except BaseException:
            self.close()
            raise

    def expire(self) -> int:
        """Remove a page of faces that are old enough; returns how many.

        Raises OSError, sqlite3.Error or MemoryFileError.
        """
        if not (self._memory or memory_path(self._folder).exists()):
            return 0
        memory = self._open()
        now = datetime.now(UTC)
        try:
            with memory.transaction():
                removed = expire(
                    memory,
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

    def _open(self) -> Memory:
        if self._memory and self._memory.is_replaced():
            self.close()
        if self._memory is None:
            self._memory = Memory.open(self._folder)
        return self._memory


def _read(arrival: Arrival) -> Evidence | Unkept | None:
    """Read an object; refuse one that is hostile or another video's."""
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


def _take(memory: Memory, debt: Debt, evidence: Evidence | Unkept | None) -> Kept | Unkept:
    kept = Kept(0)
    if isinstance(evidence, Evidence):
        memory.take_evidence(evidence, debt.version)
        kept = Kept(len(evidence.faces))
    if debt.attempt > 1 or evidence is None:
        # What people get was derived from the result of an earlier attempt.
        if video := memory.video(debt.bucket, debt.key, debt.version):
            memory.mark_stale(video.id)
    return evidence if isinstance(evidence, Unkept) else kept
