"""Faces that leave the memory when they are old enough.

Looks and pictures go first. Rows go once they can change no answer: derivation sees all faces of a
video, or none.
"""

import sqlite3

from hybridsphere.memory.schema import AGEING
from hybridsphere.memory.taking import strip


def expire(
    connection: sqlite3.Connection, unknown_before: str, faces_before: str, most: int
) -> int:
    """Remove up to `most` faces and scenes; returns how many. `Memory.expire` describes them."""
    removed = 0
    for nameless, before in ((1, unknown_before), (0, faces_before)):
        removed += _expire_faces(connection, nameless, before, most - removed)
    return removed + _expire_scenes(connection, unknown_before, most - removed)


def _expire_faces(connection: sqlite3.Connection, nameless: int, before: str, most: int) -> int:
    found = connection.execute(
        f"""SELECT id, video FROM faces
        WHERE ({AGEING}) = ? AND seen_at < ? AND stripped = 0 LIMIT ?""",  # noqa: S608 - ours
        (nameless, before, most),
    ).fetchall()
    strip(connection, [face for face, _ in found])
    for video in {video for _, video in found}:
        if not _is_needed(connection, video):
            connection.execute("DELETE FROM faces WHERE video = ?", (video,))
            _remove_empty(connection, video)
    return len(found)


def _is_needed(connection: sqlite3.Connection, video: int) -> bool:
    """Return whether a face of a video has its looks, or its answer may not be the function's."""
    query = """SELECT EXISTS (SELECT 1 FROM faces WHERE video = ?1 AND stripped = 0)
        OR EXISTS (SELECT 1 FROM videos WHERE id = ?1 AND changed = 1)
        OR EXISTS (SELECT 1 FROM judgements WHERE video = ?1)
        OR EXISTS (SELECT 1 FROM faces JOIN judgements ON judgements.other = faces.id
            WHERE faces.video = ?1 AND judgements.kind = 'same')"""
    return bool(connection.execute(query, (video,)).fetchone()[0])


def _expire_scenes(connection: sqlite3.Connection, before: str, most: int) -> int:
    # Ids rise with the time at which videos were taken.
    last = connection.execute(
        "SELECT id FROM videos WHERE seen_at < ? ORDER BY seen_at DESC LIMIT 1", (before,)
    ).fetchone()
    if last is None:
        return 0
    query = "SELECT video FROM scenes WHERE video <= ? LIMIT ?"
    found = connection.execute(query, (last[0], most)).fetchall()
    connection.executemany("DELETE FROM scenes WHERE video = ?", found)
    for (video,) in found:
        _remove_empty(connection, video)
    return len(found)


def _remove_empty(connection: sqlite3.Connection, video: int) -> None:
    """Remove a video of which nothing is kept and nobody said anything."""
    connection.execute(
        """DELETE FROM videos WHERE id = ?1
        AND NOT EXISTS (SELECT 1 FROM faces WHERE video = ?1)
        AND NOT EXISTS (SELECT 1 FROM scenes WHERE video = ?1)
        AND NOT EXISTS (SELECT 1 FROM judgements WHERE video = ?1)""",
        (video,),
    )
