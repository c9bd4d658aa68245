"""The ledger's tables and indices, and how a ledger of an older release gets them."""

import sqlite3

from hybridsphere.ledger.file import Kind, UnreadableFile

SCHEMA_VERSION = 4

ANSWERS_SINCE = 3
"""The schema from which on a ledger has answers beside the function's own."""


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

# Schemas 2 to 4 add tables, columns and indices, and change no row. A bridge of an older release
# that has the ledger open keeps storing results, but it cannot open the ledger again, and it writes
# files without people's answers. So all bridges of one folder are updated together.
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

_THIRD = (
    ("attempt", "INTEGER NOT NULL DEFAULT 1"),
    ("faces_key", "TEXT"),
    ("faces", "INTEGER"),
    ("faces_note", "TEXT"),
    ("engine", "TEXT"),
    ("place", "TEXT"),
    ("duration_ms", "INTEGER"),
    ("billed_ms", "INTEGER"),
    ("memory_mb", "INTEGER"),
    ("cold", "INTEGER"),
    ("cost_usd", "REAL"),
    ("answer_status", "TEXT"),
    ("answer_people", "TEXT"),
    ("answer_csv", "TEXT"),
    ("answer_at", "TEXT"),
    ("invoked_attempt", "INTEGER NOT NULL DEFAULT 1"),
)
"""The columns of schema 3. `answer_…` is what people get instead of the function's own answer."""

# Of one key with a hundred thousand versions, those that wait.
_WAITING_OF_A_KEY = """CREATE INDEX waiting_of_a_key ON uploads (bucket, key)
    WHERE status IS NULL AND invoked_at IS NOT NULL"""

# Faces that the memory still lacks; without a key, an answer that must be derived again.
_TABLES_OF_THIRD = (
    """CREATE TABLE faces_due (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    output_bucket TEXT,
    faces_key TEXT,
    attempt INTEGER NOT NULL,
    since TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    next_at TEXT NOT NULL,
    PRIMARY KEY (bucket, key, version)
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX due ON faces_due (next_at)",
    # Followers of the ledger find changed answers by it, and results whether there are any.
    "CREATE INDEX answered ON uploads (answer_at) WHERE answer_at IS NOT NULL",
)

# `seen_on` is the day of the last result that matched the name. The index counts what people get.
_FOURTH = (
    """CREATE TABLE students (
    name TEXT PRIMARY KEY, major TEXT NOT NULL, year TEXT NOT NULL, seen_on TEXT NOT NULL
) STRICT, WITHOUT ROWID""",
    """CREATE INDEX answered_otherwise ON uploads (status, answer_status, stored_at)
    WHERE answer_status IS NOT NULL""",
)

# The other columns are those of the row with the latest moment.
_STUDENTS_OF_BEFORE = """
INSERT INTO students SELECT name, major, year, substr(latest, 1, 10) FROM (
    SELECT value ->> 'name' AS name, coalesce(value ->> 'major', '') AS major,
        coalesce(value ->> 'year', '') AS year, max(stored_at) AS latest
    FROM uploads, json_each(iif(json_valid(people), people, '[]'))
    WHERE uploads.status = 'matched' AND coalesce(value ->> 'status', 'matched') = 'matched'
    GROUP BY 1)
WHERE name IS NOT NULL
"""


def create_tables(connection: sqlite3.Connection, now: str) -> None:
    """Give an empty database the tables of this release."""
    connection.execute(_UPLOADS)
    connection.execute(_MIRRORED)
    _add_second(connection, now)
    _add_third(connection)
    _add_fourth(connection)


def upgrade(connection: sqlite3.Connection, found: int, now: str) -> None:
    """Bring a ledger of an older schema to this release's.

    Reads each row once: some four seconds for a million rows.
    """
    if found == 1:
        query = "SELECT created_at FROM uploads ORDER BY rowid LIMIT 1"
        first = connection.execute(query).fetchone()
        _add_second(connection, first[0] if first else now)
    if found < 3:
        _add_third(connection)
    _add_fourth(connection)
    connection.execute(_STUDENTS_OF_BEFORE)


def _add_second(connection: sqlite3.Connection, since: str) -> None:
    connection.execute(_SERVED)
    connection.execute(_COUNTING)
    connection.execute("INSERT INTO counting VALUES (?)", (since,))
    for index in _INDICES:
        connection.execute(index)


def _add_third(connection: sqlite3.Connection) -> None:
    for name, kind in _THIRD:
        connection.execute(f"ALTER TABLE uploads ADD COLUMN {name} {kind}")
    for statement in (*_TABLES_OF_THIRD, _WAITING_OF_A_KEY):
        connection.execute(statement)


def _add_fourth(connection: sqlite3.Connection) -> None:
    for statement in _FOURTH:
        connection.execute(statement)


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
