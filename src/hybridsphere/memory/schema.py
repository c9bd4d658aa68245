"""The memory's tables and indices.

Large values lie in tables apart, so that a search reads small rows. Ids are never reused: a
judgement, a link or "unknown 12" keeps its meaning after faces have left.
"""

import sqlite3

from hybridsphere.ledger.file import Kind, UnreadableFile


class MemoryFileError(UnreadableFile):
    """A memory that cannot be read; `hint` is the next step."""


_TABLES = (
    # `decided` is the one person of `identify` by a decision made here: NULL for none made, '' for
    # nobody known. `_CHANGED` adds the last column.
    """CREATE TABLE videos (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        version TEXT NOT NULL,
        event_time TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        mode TEXT NOT NULL,
        engine TEXT NOT NULL,
        digest TEXT NOT NULL,
        scale REAL NOT NULL,
        tolerance REAL NOT NULL,
        gallery TEXT,
        left_out INTEGER NOT NULL,
        seen_at TEXT NOT NULL,
        decided TEXT,
        UNIQUE (bucket, key, version)
    ) STRICT""",
    # `name` and the columns up to `certainty` are the machine's, `said` is what people said: NULL
    # for nothing, '' for nobody, otherwise the name. `at` is the video's event time. A face whose
    # looks and pictures have expired is `stripped`.
    """CREATE TABLE faces (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        video INTEGER NOT NULL REFERENCES videos,
        number INTEGER NOT NULL,
        at TEXT NOT NULL,
        seen_at TEXT NOT NULL,
        "left" REAL NOT NULL,
        top REAL NOT NULL,
        "right" REAL NOT NULL,
        bottom REAL NOT NULL,
        spans TEXT NOT NULL,
        best_ms INTEGER NOT NULL,
        size_px INTEGER NOT NULL,
        looks INTEGER NOT NULL,
        name TEXT,
        distance REAL,
        runner_up TEXT,
        runner_up_distance REAL,
        certainty TEXT NOT NULL,
        said TEXT,
        person TEXT GENERATED ALWAYS AS (coalesce(said, name)) VIRTUAL,
        group_id INTEGER,
        stripped INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    # float16, little-endian, `looks` rows of 128, in the gallery's units; their times as JSON.
    """CREATE TABLE looks (
        face INTEGER PRIMARY KEY, embeddings BLOB NOT NULL, times_ms TEXT NOT NULL
    ) STRICT""",
    "CREATE TABLE pictures (face INTEGER PRIMARY KEY, jpeg BLOB NOT NULL) STRICT",
    """CREATE TABLE scenes (
        video INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, jpeg BLOB NOT NULL
    ) STRICT""",
    # `other` is the other face of a "same", or the judgement that an "undo" takes back.
    """CREATE TABLE judgements (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        by TEXT NOT NULL,
        kind TEXT NOT NULL
            CHECK (kind IN ('is', 'is_not', 'nobody', 'same', 'right', 'note', 'undo')),
        video INTEGER,
        face INTEGER,
        name TEXT,
        other INTEGER,
        note TEXT
    ) STRICT""",
    """CREATE TABLE people (
        name TEXT PRIMARY KEY, major TEXT, year TEXT, status TEXT, consent_until TEXT
    ) STRICT, WITHOUT ROWID""",
    # Unknown faces that seem to be one person, of one embedding space. `merged` is the group that
    # took over all faces; rows stay for ever.
    """CREATE TABLE groups (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        space TEXT NOT NULL,
        core BLOB,
        size INTEGER NOT NULL,
        first_at TEXT,
        last_at TEXT,
        name TEXT,
        merged INTEGER
    ) STRICT""",
    # One row, whose value changes with every group: a cache of the groups knows that it is old.
    "CREATE TABLE grouping (token INTEGER NOT NULL) STRICT",
    # Videos whose answer must be derived again.
    "CREATE TABLE stale (video INTEGER PRIMARY KEY) STRICT",
    """CREATE TABLE receipts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, what TEXT NOT NULL
    ) STRICT""",
)

# 1 once names differ from the function's, by a decision or a renaming: derivation needs the rows of
# these faces after their looks have expired. Nothing says so of the videos of schema 1.
_CHANGED = "ALTER TABLE videos ADD COLUMN changed INTEGER NOT NULL DEFAULT {}"

AGEING = "coalesce(person, '') = ''"
"""True for a face without a name, which is kept for a shorter time."""

_INDICES = (
    "CREATE INDEX faces_by_video ON faces (video, number)",
    "CREATE INDEX faces_by_time ON faces (at)",
    "CREATE INDEX faces_by_person ON faces (person, at)",
    "CREATE INDEX faces_by_certainty ON faces (certainty, at)",
    "CREATE INDEX faces_by_group ON faces (group_id, at) WHERE group_id IS NOT NULL",
    f"CREATE INDEX faces_by_age ON faces (({AGEING}), seen_at) WHERE stripped = 0",
    "CREATE INDEX groups_by_space ON groups (space) WHERE size > 0",
    "CREATE INDEX videos_by_time ON videos (event_time)",
    "CREATE INDEX videos_by_age ON videos (seen_at)",
    "CREATE INDEX judgements_of_face ON judgements (face) WHERE face IS NOT NULL",
    "CREATE INDEX judgements_of_video ON judgements (video) WHERE video IS NOT NULL",
    "CREATE INDEX judgements_of_other ON judgements (other) WHERE other IS NOT NULL",
)

APPEND_ONLY = (
    """CREATE TRIGGER judgements_stay BEFORE DELETE ON judgements
    BEGIN SELECT RAISE(ABORT, 'judgements are never deleted'); END""",
    """CREATE TRIGGER judgements_keep BEFORE UPDATE ON judgements
    BEGIN SELECT RAISE(ABORT, 'judgements are never changed'); END""",
)
"""The triggers that keep every judgement; `forget` alone lifts them, inside its transaction."""


def _create(connection: sqlite3.Connection, _: str) -> None:
    for statement in (*_TABLES, _CHANGED.format(0), *_INDICES, *APPEND_ONLY):
        connection.execute(statement)
    connection.execute("INSERT INTO grouping VALUES (0)")


def _upgrade(connection: sqlite3.Connection, _: int, __: str) -> None:
    """Bring a memory of schema 1 to this release's; no row is read."""
    connection.execute(_CHANGED.format(1))


MEMORY = Kind(
    noun="memory",
    name="memory.sqlite3",
    version=2,
    create=_create,
    upgrade=_upgrade,
    error=MemoryFileError,
    missing=(
        "no bridge has kept faces there",
        "set HYBRIDSPHERE_RESULTS_DIR to the bridge's folder",
    ),
    secure_delete=True,
)
