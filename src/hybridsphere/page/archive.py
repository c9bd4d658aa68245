"""The ledger as the page reads it: a page of uploads at a time, each found by an index."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.ledger.upload import columns

CARDS = 50
"""Uploads on one page of a list."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An upload, and the number of its row, which grows with each upload."""

    row: int
    upload: Upload

    @property
    def status(self) -> str | None:
        """The status that people get."""
        return self.upload.effective_status

    @property
    def people(self) -> list[dict[str, Any]]:
        """The people that were recognised, or named by somebody."""
        return self.upload.effective_people

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(person.get("name", "")) for person in self.people)


class Archive(Ledger):
    """A ledger that was opened for reading, with `Archive.read`."""

    def latest(self, before: int, most: int) -> list[Entry]:
        """List the uploads below a row, the newest first."""
        return self._entries("rowid < ? ORDER BY rowid DESC LIMIT ?", (before, most))

    def after(self, row: int, most: int) -> list[Entry]:
        """List the uploads above a row, the oldest first."""
        return self._entries("rowid > ? ORDER BY rowid LIMIT ?", (row, most))

    def at(self, rows: Sequence[int]) -> list[Entry]:
        """List the uploads in these rows, the newest first; a row that has gone is left out."""
        places = ", ".join("?" * len(rows))
        return self._entries(f"rowid IN ({places}) ORDER BY rowid DESC", tuple(rows))

    def one(self, bucket: str, key: str, version: str = "") -> Entry | None:
        """Find one version of an upload; without a version the newest row of its key."""
        where, values = "bucket = ? AND key = ?", [bucket, key]
        if version:
            where, values = f"{where} AND version = ?", [*values, version]
        found = self._entries(f"{where} ORDER BY rowid DESC LIMIT 1", tuple(values))
        return found[0] if found else None

    def versions(self, bucket: str, key: str, most: int = 20) -> list[Entry]:
        """List the versions of one upload, the newest first."""
        where = "bucket = ? AND key = ? ORDER BY rowid DESC LIMIT ?"
        return self._entries(where, (bucket, key, most))

    def unfinished(self, most: int) -> list[Entry]:
        """List the uploads without a result: the invoked first, those that wait longest first."""
        where = """status IS NULL
            ORDER BY invoked_at IS NULL, coalesce(invoked_at, created_at) LIMIT ?"""
        return self._entries(where, (most,))

    def failed(self, most: int, before: str = "~") -> list[Entry]:
        """List failed uploads without another answer, stored before a moment, the latest first."""
        where = f"""status = 'failed' AND {self._effective_status} = 'failed' AND stored_at < ?
            ORDER BY stored_at DESC LIMIT ?"""
        return self._entries(where, (before, most))

    def stored_since(self, until: Mapping[str, str], most: int) -> dict[str, list[Entry]]:
        """List the uploads by status whose results were stored from that status's moment on."""
        where = "status = ? AND stored_at >= ? ORDER BY stored_at LIMIT ?"
        return {
            status: self._entries(where, (status, until.get(status, ""), most))
            for status in self._statuses()
        }

    def answered_since(self, moment: str, most: int) -> list[Entry]:
        """List the uploads whose answers people changed from a moment on, the oldest first."""
        if self.schema < 3:
            return []
        where = "answer_at >= ? ORDER BY answer_at LIMIT ?"
        return self._entries(where, (moment, most))

    def last_stored_of(self) -> dict[str, str]:
        """Find when the latest result of each status was stored."""
        query = "SELECT max(stored_at) FROM uploads WHERE status = ?"
        return {status: self._first(query, status) for status in self._statuses()}

    def count_since(self, moment: str) -> dict[str, int]:
        """Count the results that were stored from a moment on, by the status that people get."""
        query = "SELECT count(*) FROM uploads WHERE status = ? AND stored_at >= ?"
        own = {status: self._first(query, status, moment) for status in self._statuses()}
        return self._as_people_get(own, moment)

    def per_minute(self, since: str) -> dict[str, int]:
        """Count the results stored from a moment on by minute, as `2026-11-21T00:00`."""
        minutes: dict[str, int] = {}
        for status in self._statuses():
            query = """SELECT substr(stored_at, 1, 16), count(*) FROM uploads
                WHERE status = ? AND stored_at >= ? GROUP BY 1"""
            for minute, count in self._connection.execute(query, (status, since)):
                minutes[minute] = minutes.get(minute, 0) + count
        return minutes

    def last_row(self) -> int:
        """Give the number of the newest row, 0 for an empty ledger."""
        return int(self._first("SELECT coalesce(max(rowid), 0) FROM uploads"))

    def first_row_since(self, moment: str) -> int:
        """Find the first row that was created from a moment on, by halving: rows are in order."""
        low, high = 0, self.last_row() + 1
        while low < high:
            middle = (low + high) // 2
            query = "SELECT created_at FROM uploads WHERE rowid >= ? ORDER BY rowid LIMIT 1"
            found = self._connection.execute(query, (middle,)).fetchone()
            if found is not None and found[0] < moment:
                low = middle + 1
            else:
                high = middle
        return low

    def change(self) -> int:
        """Give a number that another process's commit changes; only while this stays open."""
        return int(self._first("PRAGMA data_version"))

    def _entries(self, where: str, values: Iterable[str | int]) -> list[Entry]:
        query = f"SELECT rowid, {columns(self.schema)} FROM uploads WHERE {where}"  # noqa: S608 - ours
        rows = self._connection.execute(query, tuple(values)).fetchall()
        return [Entry(row, self._upload(tuple(fields))) for row, *fields in rows]
