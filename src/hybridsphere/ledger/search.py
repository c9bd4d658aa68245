"""Searches in the ledger, by what people get."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from hybridsphere.ledger.overview import Overview
from hybridsphere.ledger.schema import ANSWERS_SINCE
from hybridsphere.ledger.statements import NEWEST, buckets_of
from hybridsphere.ledger.upload import Upload, columns, version_of
from hybridsphere.messages import S3Record, Version, newest_of

VersionRow = tuple[str, str | None, str]
"""ETag, sequencer and event time of a row."""


def newest_version(rows: Sequence[VersionRow]) -> Version | None:
    """Find the newest of the versions in rows; None if there are no rows."""
    found = [Version(*row) for row in rows]
    return found[0] if len(found) == 1 else newest_of(found, lambda version: version)


class Search(Overview):
    """The searches of one ledger."""

    def find(
        self,
        *,
        person: str | None = None,
        statuses: Sequence[str] = (),
        corrected: bool = False,
        since: str = "",
        until: str = "~",
        most: int = 50,
    ) -> list[Upload]:
        """List uploads first written from `since` until before `until`, the newest first.

        `person` and `statuses` are those that count; `corrected` are those that differ from the
        function's own answer. Without a match every row is read: a second for a million rows.
        """
        people = "people"
        if self.schema >= ANSWERS_SINCE:
            people = "coalesce(answer_people, people)"
        elif corrected:
            return []
        where = ["created_at >= ?", "created_at < ?", "status IS NOT NULL"]
        values: list[str | int] = [since, until]
        if person is not None:
            where.append(f"instr({people}, ?)")
            values.append(f'"name":{orjson.dumps(person).decode()}')
        if statuses:
            where.append(f"{self._effective_status} IN ({', '.join('?' * len(statuses))})")
            values += statuses
        if corrected:
            where.append("answer_status IS NOT NULL")
        return list(self._select(" AND ".join(where), "rowid DESC LIMIT ?", (*values, most)))

    def newest_of_key(self, key: str) -> Upload | None:
        """Find the newest version of a key that has a result, in the bucket of this ledger."""
        buckets = self._connection.execute(buckets_of("uploads")).fetchall()
        found = (self.newest(bucket, key) for (bucket,) in buckets)
        return next((upload for upload in found if upload), None)

    def versions_of_key(self, key: str) -> list[Upload]:
        """List the versions of a key, the oldest first."""
        return list(
            self._select(f"bucket IN ({buckets_of('uploads')}) AND key = ?", "rowid", (key,))
        )

    def newest(self, bucket: str, key: str) -> Upload | None:
        """Find the newest version of an upload that has a result, however many there are."""
        version = self._newest_version(bucket, key)
        if version is None:
            return None
        where = "bucket = ? AND key = ? AND version IN (?, ?) AND etag = ?"
        values = (bucket, key, version.id, version.first_id, version.etag)
        return next(self._select(where, "rowid", values))

    def overtaken(self, bucket: str, key: str) -> list[S3Record]:
        """List the invoked versions of a key without a result, of which a newer one has its own."""
        newest = self._newest_version(bucket, key)
        if newest is None:
            return []
        where = "bucket = ? AND key = ? AND status IS NULL AND invoked_at IS NOT NULL"
        waiting = self._select(where, "rowid", (bucket, key))
        return [
            S3Record(bucket, key, one.etag, one.sequencer, one.event_time)
            for one in waiting
            if newest.newer_than(version_of(one))
        ]

    def _newest_version(self, bucket: str, key: str) -> Version | None:
        return newest_version(self._newest_rows(bucket, key))

    def _newest_rows(self, bucket: str, key: str) -> list[VersionRow]:
        return self._connection.execute(NEWEST, (bucket, key)).fetchall()

    def _select(self, where: str, order: str, values: tuple[str | int, ...]) -> Iterator[Upload]:
        chosen = columns(self.schema)
        query = f"SELECT {chosen} FROM uploads WHERE {where} ORDER BY {order}"  # noqa: S608 - ours
        return map(self._upload, self._connection.execute(query, values))

    def _upload(self, row: tuple[Any, ...]) -> Upload:
        try:
            return Upload.of_row(row)
        except ValueError as error:
            raise self.kind.damaged(self._path, error) from error
