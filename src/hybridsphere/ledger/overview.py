"""Figures about a whole ledger, each found by an index."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hybridsphere.ledger.database import Database
from hybridsphere.ledger.schema import ANSWERS_SINCE
from hybridsphere.ledger.statements import DIFFERING, EXPIRED


@dataclass(frozen=True, slots=True)
class Backlog:
    """Uploads that wait: how many, and since when the oldest does (`utc_text`, None for none)."""

    count: int = 0
    oldest: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Uploads without a result, by what they wait for."""

    invocation: Backlog
    result: Backlog


class Overview(Database):
    """The figures of one ledger."""

    def counts(self) -> dict[str | None, int]:
        """Count uploads by the status that people get; None counts those without a result."""
        # One count a status is four times faster than one query with GROUP BY.
        own = {
            status: self._first("SELECT count(*) FROM uploads WHERE status = ?", status)
            for status in self._statuses()
        }
        found: dict[str | None, int] = dict(self._as_people_get(own).items())
        if waiting := self._first("SELECT count(*) FROM uploads WHERE status IS NULL"):
            found[None] = waiting
        return found

    def _as_people_get(self, own: Mapping[str, int], since: str = "") -> dict[str, int]:
        """Correct counts of the function's statuses by the answers that differ.

        `since` is the moment from which on the counted results were stored.
        """
        if self.schema < ANSWERS_SINCE:
            return dict(own)
        found = Counter(own)
        for machine, given, count in self._connection.execute(DIFFERING, (since,)).fetchall():
            found[machine] -= count
            found[given] += count
        return {status: count for status, count in found.items() if count}

    @property
    def _effective_status(self) -> str:
        """The expression of the status that people get."""
        return "coalesce(answer_status, status)" if self.schema >= ANSWERS_SINCE else "status"

    def last_stored(self) -> str | None:
        """Find when the latest result was stored."""
        query = "SELECT max(stored_at) FROM uploads WHERE status = ?"
        return max((self._first(query, status) for status in self._statuses()), default=None)

    def waiting(self) -> Waiting:
        """Count what was received and not invoked, and what was invoked and has no result."""
        found = {
            bool(uninvoked): Backlog(count, oldest)
            for uninvoked, count, oldest in self._connection.execute(
                """SELECT invoked_at IS NULL, count(*), min(coalesce(invoked_at, created_at))
                FROM uploads WHERE status IS NULL GROUP BY invoked_at IS NULL"""
            )
        }
        return Waiting(invocation=found.get(True, Backlog()), result=found.get(False, Backlog()))

    def rewritten(self) -> list[tuple[str, str]]:
        """List the bucket and key of the uploads that have several versions."""
        # The index of the primary key has all of this.
        return self._connection.execute(
            "SELECT bucket, key FROM uploads GROUP BY bucket, key HAVING count(*) > 1"
        ).fetchall()

    @property
    def counting_since(self) -> str | None:
        """Since when the ledger counts uploads; None for an empty one of schema 1."""
        if self._has_table("counting"):
            return str(self._first("SELECT since FROM counting"))
        query = "SELECT created_at FROM uploads ORDER BY rowid LIMIT 1"
        row = self._connection.execute(query).fetchone()
        return str(row[0]) if row else None

    def expire(self, before: str, most: int) -> int:
        """Delete up to `most` results that were stored before a moment; returns how many.

        Uploads without a result stay. The newest version of a key leaves after the older ones.
        From now on the ledger counts since that moment.
        """
        deleted = 0
        for status in list(self._statuses()):
            deleted += self._connection.execute(EXPIRED, (status, before, most - deleted)).rowcount
        if deleted:
            self._connection.execute("UPDATE counting SET since = max(since, ?)", (before,))
            self._connection.execute("DELETE FROM students WHERE seen_on < ?", (before[:10],))
        return deleted

    def _statuses(self) -> Iterator[str]:
        """Go through the statuses that occur, by one search each."""
        last = ""
        while last := self._first("SELECT min(status) FROM uploads WHERE status > ?", last):
            yield last

    def _first(self, query: str, *values: str) -> Any:
        (value,) = self._connection.execute(query, values).fetchone()
        return value
