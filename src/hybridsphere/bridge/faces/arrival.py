"""What becomes of a debt: an object that arrived, faces that are kept, or the reason why not."""

import sqlite3
from dataclasses import dataclass

from hybridsphere.ledger.debts import Debt
from hybridsphere.ledger.file import UnreadableFile

DISK = (OSError, sqlite3.Error, UnreadableFile)
"""Errors of a disk that is full or fails, or of a file that must be moved away."""

GONE = "gone"
"""The note of faces whose object does not exist any more."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object that was fetched for a debt; None for a debt without an object."""

    debt: Debt
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Faces that are in the memory: how many."""

    faces: int


@dataclass(frozen=True, slots=True)
class Unkept:
    """Faces that are never kept: `note` is the reason, for the upload's row."""

    note: str

    @classmethod
    def refused(cls, reason: str) -> "Unkept":
        return cls(f"refused: {reason}")

    @property
    def outcome(self) -> str:
        """`gone` or `refused`."""
        return self.note.partition(":")[0]
