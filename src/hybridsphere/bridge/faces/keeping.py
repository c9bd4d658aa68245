"""Objects read and kept in the memory, with numpy; a bridge without faces loads none of this."""

import sqlite3

from hybridsphere.bridge.faces.arrival import DISK, GONE, Arrival, Kept, Unkept
from hybridsphere.ledger.debts import Debt
from hybridsphere.memory.evidence import Evidence, EvidenceError, parse
from hybridsphere.memory.memory import Memory

_AT_FAULT = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""Errors of a value that the memory does not take, and not of the disk."""

Read = Evidence | Unkept | None
"""An object that was read, the reason against it, or None for a debt without an object."""


def read(arrival: Arrival) -> Read:
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
    is_theirs = debt.version in {version.id, version.first_id}
    if not is_theirs or evidence.attempt < debt.attempt:
        # There is one object a key: a newer upload, or a late attempt, has replaced it.
        return Unkept(GONE)
    return evidence


def keep(memory: Memory, debt: Debt, evidence: Read) -> Kept | Unkept:
    """Keep one object; whatever is wrong with it concerns no other."""
    try:
        with memory.savepoint():
            return _take(memory, debt, evidence)
    except Exception as error:
        if isinstance(error, DISK) and not isinstance(error, _AT_FAULT):
            raise
        return Unkept.refused(f"{type(error).__name__}: {error}")


def _take(memory: Memory, debt: Debt, evidence: Read) -> Kept | Unkept:
    kept = Kept(0)
    if isinstance(evidence, Evidence):
        memory.take_evidence(evidence, debt.version)
        kept = Kept(len(evidence.faces))
    # The present answer was derived from an earlier attempt's result.
    is_later = debt.attempt > 1 or evidence is None
    if is_later and (video := memory.video(debt.bucket, debt.key, debt.version)):
        memory.mark_stale(video.id)
    return evidence if isinstance(evidence, Unkept) else kept
