"""The replays that were asked for and have no result yet, so that none is asked for twice."""

from dataclasses import replace
from datetime import datetime, timedelta

from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.messages import S3Record, utc_text

LONGEST_H = 7
"""Hours after which a replay without a result counts as lost: Lambda itself retries for six."""

_TABLE = """
CREATE TABLE IF NOT EXISTS replays (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    sent_at TEXT NOT NULL,
    PRIMARY KEY (bucket, key, version)
) STRICT, WITHOUT ROWID
"""

# A result of that attempt, or the end of the row, ends the replay.
_ENDED = """
DELETE FROM replays WHERE NOT EXISTS (
    SELECT 1 FROM uploads WHERE uploads.bucket = replays.bucket AND uploads.key = replays.key
    AND uploads.version = replays.version AND uploads.attempt < replays.attempt)
"""

_ATTEMPTS = """
SELECT uploads.attempt, invoked_attempt, replays.attempt, sent_at
FROM uploads LEFT JOIN replays USING (bucket, key, version)
WHERE bucket = ? AND key = ? AND version = ?
"""


class Replays:
    """The replays of one ledger, which is open for writing."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._connection = ledger._connection  # noqa: SLF001 - this room's own
        with ledger.transaction():
            self._connection.execute(_TABLE)
            self._connection.execute(_ENDED)

    def next(self, upload: Upload) -> S3Record | None:
        """Return the record of an upload's next attempt; None while a replay is on its way."""
        name = (upload.bucket, upload.key, upload.version)
        attempt, invoked, replayed, sent_at = self._connection.execute(_ATTEMPTS, name).fetchone()
        if sent_at and sent_at > _hours_ago(LONGEST_H):
            return None
        return replace(record_of(upload), attempt=max(attempt, invoked, replayed or 0) + 1)

    def note(self, upload: Upload, record: S3Record) -> None:
        """Record inside a transaction that an attempt was asked for."""
        self._connection.execute(
            "INSERT OR REPLACE INTO replays VALUES (?, ?, ?, ?, ?)",
            (upload.bucket, upload.key, upload.version, record.attempt, utc_text()),
        )


def record_of(upload: Upload) -> S3Record:
    """Return the record of the event that an upload began with."""
    return S3Record(upload.bucket, upload.key, upload.etag, upload.sequencer, upload.event_time)


def _hours_ago(hours: int) -> str:
    now = datetime.fromisoformat(utc_text())
    return utc_text(now - timedelta(hours=hours))
