"""Ledgers for the tests of this room: new ones, and those of the first release."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import Result, S3Record

FIRST, SECOND, THIRD = (f"2026-11-21T00:00:0{second}.000Z" for second in (3, 4, 5))

_SCHEMA_1 = """
CREATE TABLE uploads (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    etag TEXT NOT NULL,
    sequencer TEXT,
    event_time TEXT NOT NULL,
    created_at TEXT NOT NULL,
    received_at TEXT,
    invoked_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    status TEXT,
    reason TEXT,
    people TEXT,
    csv TEXT,
    output_bucket TEXT,
    output_key TEXT,
    started_at TEXT,
    finished_at TEXT,
    stored_at TEXT,
    PRIMARY KEY (bucket, key, version)
) STRICT;
CREATE TABLE mirrored (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    etag TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def put(ledger: Ledger, *results: Result, at: str = FIRST) -> list[bool]:
    with ledger.transaction():
        return [ledger.put_result(one, at) is not None for one in results]


def write_first_schema(folder: Path, uploads: Iterable[Result | S3Record]) -> None:
    """Write a ledger as the first release did, with these results and invocations."""
    ledger_path(folder).parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(ledger_path(folder))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA_1)
        for one in uploads:
            version = one.version
            ended = (one.status, one.csv, FIRST) if isinstance(one, Result) else (None, None, None)
            connection.execute(
                """INSERT INTO uploads (bucket, key, version, etag, sequencer, event_time,
                created_at, invoked_at, status, csv, stored_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (
                    *(one.bucket, one.key, version.first_id),
                    *(version.etag, version.sequencer, version.event_time, FIRST, FIRST),
                    *ended,
                ),
            )
        connection.commit()
