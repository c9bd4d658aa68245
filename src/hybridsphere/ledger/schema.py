"""The ledger's tables and indices, and how a ledger of an older release gets them."""

import sqlite3

from hybridsphere.ledger.file import Kind, UnreadableFile

SCHEMA_VERSION = 2


class LedgerError(UnreadableFile):
    """A ledger that cannot be read; `hint` is the next step."""


_UPLOADS = """
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
) STRICT
"""

# The mirror's memory: which object it last fetched under each key of the output bucket.
_MIRRORED = """
CREATE TABLE mirrored (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    etag TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID
"""

BY_SEQUENCER = "rtrim(upper(sequencer), '0')"
"""Sequencers in the order of `Version.newer_than`."""

# Schema 2 adds these and changes no row, so that bridges of both releases may share a ledger while
# one after the other is updated.
_SERVED = "CREATE TABLE IF NOT EXISTS served (bucket TEXT NOT NULL) STRICT"
_COUNTING = "CREATE TABLE counting (since TEXT NOT NULL) STRICT"
_INDICES = (
    f"""CREATE INDEX newest_by_sequencer ON uploads
    (bucket, key, {BY_SEQUENCER}, event_time, etag)
    WHERE sequencer IS NOT NULL AND status IS NOT NULL""",
    """CREATE INDEX newest_by_time ON uploads (bucket, key, event_time, etag)
    WHERE sequencer IS NULL AND status IS NOT NULL""",
    "CREATE INDEX ended ON uploads (status, stored_at) WHERE status IS NOT NULL",
    """CREATE INDEX waiting ON uploads (invoked_at IS NULL, coalesce(invoked_at, created_at))
    WHERE status IS NULL""",
)


def create_tables(connection: sqlite3.Connection, now: str) -> None:
    """Give an empty database the tables of this release."""
    connection.execute(_UPLOADS)
    connection.execute(_MIRRORED)
    _add_second(connection, now)


def upgrade(connection: sqlite3.Connection, found: int, now: str) -> None:
    """Bring a ledger of an older schema to this release's.

    Reads each row of schema 1 once: some four seconds for a million rows.
    """
    if found == 1:
        query = "SELECT created_at FROM uploads ORDER BY rowid LIMIT 1"
        first = connection.execute(query).fetchone()
        _add_second(connection, first[0] if first else now)


def _add_second(connection: sqlite3.Connection, since: str) -> None:
    connection.execute(_SERVED)
    connection.execute(_COUNTING)
    connection.execute("INSERT INTO counting VALUES (?)", (since,))
    for index in _INDICES:
        connection.execute(index)


LEDGER = Kind(
    noun="ledger",
    name="ledger.sqlite3",
    version=SCHEMA_VERSION,
    create=create_tables,
    upgrade=upgrade,
    error=LedgerError,
    missing=(
        "no bridge has stored a result there",
        "set HYBRIDSPHERE_RESULTS_DIR to the bridge's folder",
    ),
)
