"""The ledger: what became of every version of every upload, in one SQLite file.

One row per bucket, key and version. Several processes of one host may write to it at once.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from hybridsphere.ledger.answer import Answer
from hybridsphere.ledger.costs import Costs
from hybridsphere.ledger.debts import Debts
from hybridsphere.ledger.forgetting import Forgetting
from hybridsphere.ledger.overview import Backlog, Waiting
from hybridsphere.ledger.schema import LEDGER, LedgerError
from hybridsphere.ledger.search import Search, newest_version
from hybridsphere.ledger.statements import (
    ANSWERED,
    ATTEMPT,
    DONE,
    INVOKED,
    RESULT,
    STUDENT,
    beginning,
)
from hybridsphere.ledger.upload import Upload, columns, newest
from hybridsphere.messages import Result, S3Record
from hybridsphere.prices import cost_usd

__all__ = [
    "Answer",
    "Backlog",
    "Ledger",
    "LedgerError",
    "Upload",
    "Waiting",
    "ledger_path",
    "newest",
]

PAGE = 200
"""Rows that one query reads. A reader that stays in one query keeps the WAL from being reused."""


def ledger_path(results_dir: Path) -> Path:
    return LEDGER.path(results_dir)


class Ledger(Search, Debts, Costs, Forgetting):
    """The ledger, open. Changes are made inside `transaction()`; not for use by two threads."""

    kind = LEDGER
    _answers: bool | None = None

    def _begun(self) -> None:
        self._answers = None

    def claim(self, bucket: str) -> str:
        """Give the ledger to a bucket, unless it is another's; returns the owner.

        The transaction decides between processes that ask at once.
        """
        owner = self.owner(bucket)
        if owner is None:
            self._connection.execute("INSERT INTO served VALUES (?)", (bucket,))
        return owner or bucket

    def owner(self, bucket: str) -> str | None:
        """Find the bucket that has claimed these uploads, or another one with rows here."""
        claimed = "SELECT bucket FROM served UNION ALL"
        found = self._connection.execute(
            f"""{claimed if self._has_table("served") else ""}
            SELECT bucket FROM uploads WHERE bucket < ?1 OR bucket > ?1 LIMIT 1""",  # noqa: S608 - ours
            (bucket,),
        ).fetchone()
        return str(found[0]) if found else None

    def note_invoked(self, record: S3Record, received_at: str, invoked_at: str) -> None:
        """Record that the function was invoked for an upload."""
        values = (*beginning(record), received_at, invoked_at, record.attempt)
        self._connection.execute(INVOKED, values)

    def count_attempt(self, record: S3Record, received_at: str) -> int:
        """Count an attempt that ended in a function error; returns the count."""
        values = (*beginning(record), received_at, record.attempt)
        row = self._connection.execute(ATTEMPT, values).fetchone()
        return int(row[0])

    def put_result(self, result: Result, stored_at: str) -> str | None:
        """Record a result, and that its faces are due.

        Returns the CSV that counts now; None if the stored result stands.
        """
        people = orjson.dumps([person.to_dict() for person in result.people]).decode()
        found = (result.status, result.reason, people, result.csv)
        place = (result.output_bucket, result.output_key)
        times = (result.started_at, result.finished_at)
        faces = (result.attempt, result.faces_key, result.faces, result.engine, result.place)
        run = (result.duration_ms, result.billed_ms, result.memory_mb, result.cold)
        cost = cost_usd(result.place, result.billed_ms, result.memory_mb)
        values = (*beginning(result), stored_at, *found, *place, *times, *faces, *run, cost)
        if self._connection.execute(RESULT, values).rowcount < 1:
            return None
        if result.status == "matched":
            self._connection.executemany(STUDENT, _students(result, stored_at[:10]))
        if not (result.faces_key or result.attempt > 1 or self._has_answers()):
            return result.csv
        row = self._connection.execute(ANSWERED, beginning(result)[:5]).fetchone()
        version, answer, judged_at = row
        # What people said of an earlier result must be said of this one, even if it changed nothing
        # until now.
        if result.faces_key or judged_at is not None or result.attempt > 1:
            self.owe(result, version, stored_at)
        return result.csv if answer is None else str(answer)

    def _has_answers(self) -> bool:
        """Tell whether any upload has an answer; looked up once a transaction."""
        if self._answers is None:
            query = "SELECT 1 FROM uploads WHERE answer_at IS NOT NULL LIMIT 1"
            self._answers = self._connection.execute(query).fetchone() is not None
        return self._answers

    def student(self, name: str) -> tuple[str, str] | None:
        """Find major and year of a student in the latest result that matched the name."""
        query = "SELECT major, year FROM students WHERE name = ?"
        found: tuple[str, str] | None = self._connection.execute(query, (name,)).fetchone()
        return found

    def copy_student(self, old: str, new: str) -> None:
        """Give a name the record of another, inside a transaction, unless it has one of its own."""
        self._connection.execute(
            """INSERT OR IGNORE INTO students
            SELECT ?2, major, year, seen_on FROM students WHERE name = ?1""",
            (old, new),
        )

    def is_newest(self, result: Result) -> bool:
        """Tell whether no newer version of an upload has a result."""
        found = self._newest_rows(result.bucket, result.key)
        if found == [(result.etag, result.sequencer, result.event_time)]:
            return True
        newest = newest_version(found)
        return newest is not None and newest.id == result.version.id

    def is_done(self, record: S3Record) -> bool:
        """Tell whether an attempt was invoked or has its result, so nothing is left to do."""
        values = (*beginning(record)[:5], record.attempt, record.event_time)
        return self._connection.execute(DONE, values).fetchone() is not None

    def is_mirrored(self, bucket: str, key: str, etag: str, last_modified: str) -> bool:
        """Tell whether an object of the output bucket was fetched as it stands."""
        found = self._connection.execute(
            """SELECT 1 FROM mirrored
            WHERE bucket = ? AND key = ? AND etag = ? AND last_modified = ?""",
            (bucket, key, etag, last_modified),
        )
        return found.fetchone() is not None

    def note_mirrored(self, bucket: str, key: str, etag: str, last_modified: str) -> None:
        """Record that an object of the output bucket was fetched."""
        self._connection.execute(
            "INSERT OR REPLACE INTO mirrored VALUES (?, ?, ?, ?)",
            (bucket, key, etag, last_modified),
        )

    def upload(self, bucket: str, key: str, version: str) -> Upload | None:
        """Find the row of one version; None for an unknown one."""
        where = "bucket = ? AND key = ? AND version = ?"
        return next(self._select(where, "rowid", (bucket, key, version)), None)

    def csvs(self, bucket: str, key: str) -> set[bytes]:
        """Return every CSV that the ledger has for a key, of any version."""
        found = self._connection.execute(
            "SELECT csv, answer_csv FROM uploads WHERE bucket = ? AND key = ?", (bucket, key)
        )
        return {text.encode() for row in found for text in row if text is not None}

    def put_answer(
        self, bucket: str, key: str, version: str, answer: Answer | None, at: str
    ) -> bool:
        """Record what people get instead of the function's own answer; None for that again.

        Returns whether this is the newest version, whose file must be written, too.
        """
        people = None if answer is None else orjson.dumps(list(answer.people)).decode()
        # A withdrawn answer has its moment, too: followers find the row by it.
        values = (answer.status, people, answer.csv, at) if answer else (None, None, None, at)
        self._connection.execute(
            """UPDATE uploads SET answer_status = ?, answer_people = ?, answer_csv = ?,
            answer_at = ? WHERE bucket = ? AND key = ? AND version = ?""",
            (*values, bucket, key, version),
        )
        self._answers = None
        newest = self.newest(bucket, key)
        return newest is not None and newest.version == version

    def names(self, *, after: tuple[str, str], most: int) -> list[tuple[str, str]]:
        """List a page of the bucket and key of uploads with a result, in their order."""
        return self._connection.execute(
            """SELECT DISTINCT bucket, key FROM uploads
            WHERE (bucket, key) > (?, ?) AND status IS NOT NULL ORDER BY bucket, key LIMIT ?""",
            (*after, most),
        ).fetchall()

    def uploads(
        self, *, since: str = "", until: str = "~", statuses: Sequence[str] = ()
    ) -> Iterator[Upload]:
        """Go through the rows first written from `since` until before `until`, the oldest first.

        `statuses` are the function's own; without any, all rows count.
        """
        last = 0
        # The sign keeps SQLite from its index, which would be sorted for each page.
        wanted = f"AND +status IN ({', '.join('?' * len(statuses))})" if statuses else ""
        query = f"""SELECT rowid, {columns(self.schema)} FROM uploads
            WHERE rowid > ? AND created_at >= ? AND created_at < ? {wanted}
            ORDER BY rowid LIMIT {PAGE}"""  # noqa: S608 - ours
        period = (since, until, *statuses)
        while page := self._connection.execute(query, (last, *period)).fetchall():
            for row, *fields in page:
                last = row
                yield self._upload(tuple(fields))

    def uploads_at(self, rows: Sequence[int]) -> list[Upload]:
        """List the uploads in these rows, in their order."""
        chosen = orjson.dumps(list(rows)).decode()
        where = "rowid IN (SELECT value FROM json_each(?))"
        return list(self._select(where, "rowid", (chosen,)))

    def last_failures(self, most: int) -> list[Upload]:
        """List the uploads that failed last and have no other answer, the latest first."""
        where = f"status = 'failed' AND {self._effective_status} = 'failed'"
        return list(self._select(where, "stored_at DESC LIMIT ?", (most,)))

    def last_results(self, most: int) -> list[Upload]:
        """List the uploads whose results were stored last, the latest first."""
        found = [
            upload
            for status in self._statuses()
            for upload in self._select("status = ?", "stored_at DESC LIMIT ?", (status, most))
        ]
        return sorted(found, key=lambda upload: upload.stored_at or "", reverse=True)[:most]

    def last_received(self, most: int) -> list[Upload]:
        """List the uploads of which the ledger heard last, the latest first."""
        return list(self._select("TRUE", "rowid DESC LIMIT ?", (most,)))


def _students(result: Result, day: str) -> Iterator[tuple[str, str, str, str]]:
    """Go through the student records in a result."""
    for person in result.people:
        if person.status in {None, "matched"}:
            yield person.name, person.major, person.year, day
