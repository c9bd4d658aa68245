"""The words of keys, names and statuses: an index in memory, by which uploads are found.

It is never written to disk, so that a person who is to be forgotten is in no further file.
"""

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hybridsphere.page.archive import Archive, Entry

BATCH = 1000
"""Rows that are read at once; between two batches other readers have their turn."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The uploads that are wanted: words of key or name, one person, one status, a period."""

    text: str = ""
    person: str = ""
    status: str = ""
    since: str = ""
    until: str = ""

    @property
    def anything(self) -> bool:
        """Whether every upload is wanted."""
        return self == Wanted()

    def holds(self, entry: Entry) -> bool:
        """Tell whether an upload, as it stands now, is wanted."""
        if self.status and self.status != (entry.status or WAITING):
            return False
        if not (self.since or "") <= entry.upload.created_at < (self.until or "~"):
            return False
        if self.person and self.person not in entry.names:
            return False
        # A word of the key or of a name begins with each of the words that were asked for.
        found = words(" ".join([entry.upload.key, *entry.names]))
        return all(any(have.startswith(want) for have in found) for want in words(self.text))

    def query(self) -> str:
        """Write the question as FTS5 takes it; empty where no word limits it."""
        parts = [f'{{key people}}: "{word}" *' for word in words(self.text)]
        parts += [f'people: "{word}"' for word in words(self.person)]
        if self.status:
            parts.append(f'status: "{self.status.replace("_", "")}"')
        return " AND ".join(parts)


WAITING = "waiting"
"""The status of an upload without a result."""


def words(text: str) -> list[str]:
    """Split a text into its words, in lower case."""
    return _WORD.findall(text.lower())


class Words:
    """The index; `covered` is the row down to which older uploads have been read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.covered: int | None = None
        self._connection = _empty_index()

    def clear(self) -> None:
        """Begin again with an empty index."""
        with self._lock:
            self._connection.close()
            self._connection = _empty_index()
            self.covered = None

    @property
    def complete(self) -> bool:
        """Whether every upload can be found."""
        return self.covered == 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Add uploads, or what has become of them.

        The words that a row had before stay: each hit is compared with the current row.
        """
        with self._lock:
            rows = [(entry.row, *_columns(entry)) for entry in entries]
            self._connection.executemany(
                "INSERT INTO words (rowid, key, people, status) VALUES (?, ?, ?, ?)", rows
            )

    def cover(self, archive: Archive) -> bool:
        """Read the next batch of older uploads; False once there are no more."""
        if self.covered is None:
            self.covered = archive.last_row() + 1
        if self.covered == 0:
            return False
        batch = archive.latest(self.covered, BATCH)
        self.add(batch)
        self.covered = batch[-1].row if batch else 0
        return bool(batch)

    def rows(self, wanted: Wanted, before: int) -> Iterator[int]:
        """Go through the rows below a row that may be wanted, the newest first."""
        row = before
        while True:
            with self._lock:
                found = self._connection.execute(
                    """SELECT rowid FROM words WHERE words MATCH ? AND rowid < ?
                    ORDER BY rowid DESC LIMIT 200""",
                    (wanted.query(), row),
                ).fetchall()
            for (row,) in found:
                yield row
            if len(found) < 200:
                return


def _empty_index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute(
        """CREATE VIRTUAL TABLE words USING fts5(key, people, status,
        content = '', detail = column, columnsize = 0, prefix = '1 2 3')"""
    )
    return connection


def _columns(entry: Entry) -> tuple[str, str, str]:
    key, people = words(entry.upload.key), words(" ".join(entry.names))
    return " ".join(key), " ".join(people), (entry.status or WAITING).replace("_", "")
