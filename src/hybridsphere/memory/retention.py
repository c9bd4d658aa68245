"""Faces that leave the memory when they are old enough."""

from hybridsphere.memory.memory import Memory
from hybridsphere.memory.schema import AGEING
from hybridsphere.memory.taking import is_judged, remove, strip


def expire(memory: Memory, *, unknown_before: str, faces_before: str, most: int) -> int:
    """Remove up to `most` faces and scenes, inside a transaction; returns how many.

    Faces without a name leave if the memory took them before `unknown_before`, all others before
    `faces_before`; scenes leave with the first. A judged face keeps its row, so that a person's word
    stays, and loses pictures and embeddings.
    """
    removed = 0
    for nameless, before in ((1, unknown_before), (0, faces_before)):
        removed += _expire_faces(memory, nameless, before, most - removed)
    return removed + _expire_scenes(memory, unknown_before, most - removed)


def _expire_faces(memory: Memory, nameless: int, before: str, most: int) -> int:
    found = memory.connection.execute(
        f"""SELECT id, video FROM faces
        WHERE ({AGEING}) = ? AND seen_at < ? AND stripped = 0 LIMIT ?""",  # noqa: S608 - ours
        (nameless, before, most),
    ).fetchall()
    judged = [face for face, _ in found if is_judged(memory.connection, face)]
    strip(memory.connection, judged)
    remove(memory.connection, [face for face, _ in found if face not in set(judged)])
    for video in {video for _, video in found}:
        _remove_empty(memory, video)
    return len(found)


def _expire_scenes(memory: Memory, before: str, most: int) -> int:
    # Ids rise with the time at which videos were taken.
    last = memory.connection.execute(
        "SELECT id FROM videos WHERE seen_at < ? ORDER BY seen_at DESC LIMIT 1", (before,)
    ).fetchone()
    if last is None:
        return 0
    query = "SELECT video FROM scenes WHERE video <= ? LIMIT ?"
    found = memory.connection.execute(query, (last[0], most)).fetchall()
    memory.connection.executemany("DELETE FROM scenes WHERE video = ?", found)
    for (video,) in found:
        _remove_empty(memory, video)
    return len(found)


def _remove_empty(memory: Memory, video: int) -> None:
    """Remove a video of which nothing is kept and nobody said anything."""
    memory.connection.execute(
        """DELETE FROM videos WHERE id = ?1
        AND NOT EXISTS (SELECT 1 FROM faces WHERE video = ?1)
        AND NOT EXISTS (SELECT 1 FROM scenes WHERE video = ?1)
        AND NOT EXISTS (SELECT 1 FROM judgements WHERE video = ?1)""",
        (video,),
    )
