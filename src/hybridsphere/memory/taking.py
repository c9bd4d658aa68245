"""Faces that come in: kept once, and matched to those of an earlier attempt."""

import math
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import orjson

from hybridsphere.memory.face import FACE_COLUMNS, Box, Face, NewFace, looks_of
from hybridsphere.memory.grouping import Grouping
from hybridsphere.memory.video import Scene, Video
from hybridsphere.recognition.rule import rule_of

_LEAST_OVERLAP = 0.5
"""Share of both boxes that one face covers in two attempts with different engines."""

_SAME_MOMENT_MS = 500

_MACHINE = (
    'number = ?, "left" = ?, top = ?, "right" = ?, bottom = ?, spans = ?, best_ms = ?, '
    "size_px = ?, looks = ?, name = ?, distance = ?, runner_up = ?, runner_up_distance = ?, "
    "certainty = ?, stripped = 0"
)


def take(
    connection: sqlite3.Connection,
    video: Video,
    faces: Sequence[NewFace],
    scene: Scene | None,
    now: str,
) -> int:
    """Keep a video with its faces; returns the video's id."""
    stored = _stored(connection, video)
    if stored is None:
        number = _begin(connection, video, now)
        for new in faces:
            _insert(connection, number, video.event_time, new, now)
    elif stored.attempt < video.attempt:
        number = stored.video
        _renew(connection, number, video)
        _replace(connection, stored, video, faces, now)
    else:
        return stored.video
    _put_scene(connection, number, scene)
    # Earlier judgements of the video apply to these faces, too.
    connection.execute(
        """INSERT OR IGNORE INTO stale
        SELECT ?1 WHERE EXISTS (SELECT 1 FROM judgements WHERE video = ?1)""",
        (number,),
    )
    return number


class _Stored(NamedTuple):
    """A video that the memory has already: its id, attempt, and the space of its embeddings."""

    video: int
    attempt: int
    space: tuple[str, float]


def _stored(connection: sqlite3.Connection, video: Video) -> _Stored | None:
    row = connection.execute(
        """SELECT id, attempt, digest, scale FROM videos
        WHERE bucket = ? AND key = ? AND version = ?""",
        (video.bucket, video.key, video.version),
    ).fetchone()
    return _Stored(row[0], row[1], row[2:]) if row else None


def _begin(connection: sqlite3.Connection, video: Video, now: str) -> int:
    name = (video.bucket, video.key, video.version, video.event_time)
    cursor = connection.execute(
        """INSERT INTO videos (bucket, key, version, event_time, seen_at, attempt, mode, engine,
        digest, scale, tolerance, gallery, left_out, changed)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)""",
        (*name, now, *_circumstances(video)),
    )
    return cursor.lastrowid or 0


def _renew(connection: sqlite3.Connection, number: int, video: Video) -> None:
    connection.execute(
        """UPDATE videos SET attempt = ?, mode = ?, engine = ?, digest = ?, scale = ?,
        tolerance = ?, gallery = ?, left_out = ?, decided = NULL, changed = 0 WHERE id = ?""",
        (*_circumstances(video), number),
    )


def _circumstances(video: Video) -> tuple[object, ...]:
    space = (video.engine, video.digest, video.scale)
    return (video.attempt, video.mode, *space, video.tolerance, video.gallery, video.left_out)


def _insert(connection: sqlite3.Connection, video: int, at: str, new: NewFace, now: str) -> None:
    cursor = connection.execute(
        """INSERT INTO faces (video, at, seen_at, number, "left", top, "right", bottom, spans,
        best_ms, size_px, looks, name, distance, runner_up, runner_up_distance, certainty)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (video, at, now, *_machine(new)),
    )
    _put_content(connection, cursor.lastrowid or 0, new)


def _machine(new: NewFace) -> tuple[object, ...]:
    face = new.face
    spans = orjson.dumps(face.spans).decode()
    seen = (face.number, *face.box, spans, face.best_ms, face.size_px, len(new.looks))
    return (*seen, *_answer(face))


def _answer(face: Face) -> tuple[object, ...]:
    runner_up = (face.runner_up, face.runner_up_distance)
    return (face.name, face.distance, *runner_up, face.certainty)


def _put_content(connection: sqlite3.Connection, face: int, new: NewFace) -> None:
    content = new.looks.astype("<f2").tobytes()
    times = orjson.dumps(new.looks_ms).decode()
    connection.execute("INSERT OR REPLACE INTO looks VALUES (?, ?, ?)", (face, content, times))
    if new.jpeg is not None:
        connection.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?)", (face, new.jpeg))


def _put_scene(connection: sqlite3.Connection, video: int, scene: Scene | None) -> None:
    if scene:
        values = (video, scene.at_ms, scene.jpeg)
        connection.execute("INSERT OR REPLACE INTO scenes VALUES (?, ?, ?)", values)


def _replace(
    connection: sqlite3.Connection,
    stored: _Stored,
    video: Video,
    faces: Sequence[NewFace],
    now: str,
) -> None:
    """Replace the faces of an earlier attempt by those of a later one."""
    query = f"""SELECT looks.embeddings, {FACE_COLUMNS}
        FROM faces LEFT JOIN looks ON looks.face = faces.id WHERE faces.video = ?"""  # noqa: S608 - ours
    earlier = [
        NewFace(Face.of_row(tuple(row)), looks_of(content or b""))
        for content, *row in connection.execute(query, (stored.video,))
    ]
    same_space = stored.space == (video.digest, video.scale)
    most = rule_of(video.engine).same_face if same_space else None
    matched = _pair(earlier, faces, most)
    for place, one in enumerate(earlier):
        if place in matched:
            _update(connection, one.face.id, faces[matched[place]], now)
        elif not is_judged(connection, one.face.id):
            remove(connection, [one.face.id])
        elif not same_space:
            # Its looks cannot be compared with those of the other engine.
            strip(connection, [one.face.id])
    for place, new in enumerate(faces):
        if place not in matched.values():
            _insert(connection, stored.video, video.event_time, new, now)


def _pair(
    earlier: Sequence[NewFace],
    faces: Sequence[NewFace],
    most: float | None,
) -> dict[int, int]:
    """Pair faces of two attempts, the most alike first; each face occurs once.

    Looks of one person differ by `most`; None if the looks of the attempts cannot be compared.
    """
    ranked = sorted(
        (_unlikeness(one, other, most), place, new)
        for place, one in enumerate(earlier)
        for new, other in enumerate(faces)
    )
    pairs: dict[int, int] = {}
    for value, place, new in ranked:
        if value <= 1 and place not in pairs and new not in pairs.values():
            pairs[place] = new
    return pairs


def _unlikeness(one: NewFace, other: NewFace, most: float | None) -> float:
    """Return up to 1 for one face; without looks, which may have expired, its place decides."""
    if most is None or not (len(one.looks) and len(other.looks)):
        return _by_place(one, other)
    averages = (face.looks.astype(np.float64).mean(axis=0) for face in (one, other))
    return float(np.linalg.norm(next(averages) - next(averages))) / most


def _by_place(one: NewFace, other: NewFace) -> float:
    """Return a value up to 1 for faces that cover each other at one moment, else infinity."""
    moments = abs(one.face.best_ms - other.face.best_ms)
    covered = _overlap(one.face.box, other.face.box)
    return 1 - covered if moments <= _SAME_MOMENT_MS and covered >= _LEAST_OVERLAP else math.inf


def _overlap(one: Box, other: Box) -> float:
    """Return the share of the area of two boxes that both cover."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[2], other[2]), min(one[3], other[3])
    both = max(0.0, right - left) * max(0.0, bottom - top)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both) if areas > both else 0.0


def _update(connection: sqlite3.Connection, face: int, new: NewFace, now: str) -> None:
    # The days of looks that had expired count again.
    connection.execute("UPDATE faces SET seen_at = ? WHERE id = ? AND stripped = 1", (now, face))
    connection.execute(f"UPDATE faces SET {_MACHINE} WHERE id = ?", (*_machine(new), face))  # noqa: S608 - ours
    _put_content(connection, face, new)


def is_judged(connection: sqlite3.Connection, face: int) -> bool:
    """Tell whether somebody said something of a face, or confirmed the answer of its video."""
    query = """SELECT EXISTS (SELECT 1 FROM judgements WHERE face = ?1)
        OR EXISTS (SELECT 1 FROM judgements WHERE other = ?1 AND kind = 'same')
        OR EXISTS (SELECT 1 FROM judgements WHERE face IS NULL AND kind = 'right'
            AND video = (SELECT video FROM faces WHERE id = ?1))"""
    return bool(connection.execute(query, (face,)).fetchone()[0])


def remove(connection: sqlite3.Connection, faces: Sequence[int]) -> None:
    """Remove faces with all that is kept of them, inside a transaction."""
    strip(connection, faces)
    connection.executemany("DELETE FROM faces WHERE id = ?", [(face,) for face in faces])


def strip(connection: sqlite3.Connection, faces: Sequence[int]) -> None:
    """Remove looks and pictures of faces, whose rows stay, inside a transaction."""
    Grouping(connection).leave(faces)
    ids = [(face,) for face in faces]
    connection.executemany("DELETE FROM looks WHERE face = ?", ids)
    connection.executemany("DELETE FROM pictures WHERE face = ?", ids)
    connection.executemany("UPDATE faces SET stripped = 1 WHERE id = ?", ids)
