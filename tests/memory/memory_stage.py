"""Videos and faces for the tests of this room."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybridsphere.memory.face import Face, NewFace
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.video import Scene, Video
from tests.samples import BUCKET, EVENT_TIME

JPEG = b"\xff\xd8\xff\xe0 a small picture \xff\xd9"
SCENE = Scene(500, JPEG)


def video(key: str = "test_0.mp4", **more: Any) -> Video:
    fields: dict[str, Any] = {
        "bucket": BUCKET,
        "version": "01:e1",
        "event_time": EVENT_TIME,
        "attempt": 1,
        "mode": "identify",
        "engine": "yunet-sface",
        "digest": "d" * 64,
        "scale": 0.5,
        "tolerance": 0.6,
        "gallery": "g1",
    }
    return Video(key=key, **{**fields, **more})


def embedding(person: int, look: int = 0) -> Any:
    """One look at a person; two people lie 0.7 apart, two looks at one 0.02."""
    row = np.zeros(128, np.float16)
    row[person] = 0.5
    row[127 - look] += 0.015
    return row


def face(
    number: int = 0, person: int = 0, name: str | None = None, *, looks: int = 2, **more: Any
) -> NewFace:
    fields: dict[str, Any] = {
        "number": number,
        "box": (0.1 * number, 0.1, 0.1 * number + 0.1, 0.3),
        "spans": ((0, 1000), (2000, 2500)),
        "best_ms": 400,
        "size_px": 96,
        "looks": looks,
        "name": name,
        "distance": 0.25 if name else None,
        "runner_up": None,
        "runner_up_distance": None,
        "certainty": "sure" if name else "unknown",
    }
    rows = np.stack([embedding(person, look) for look in range(looks)])
    return NewFace(Face(**{**fields, **more}), rows, JPEG)


def keep(memory: Memory, one: Video, faces: Sequence[NewFace] = ()) -> int:
    with memory.transaction():
        return memory.take(one, faces, SCENE)


def judge(memory: Memory, face: int, name: str = "anna") -> None:
    """Say who a face is, as a command would."""
    with memory.transaction():
        memory._connection.execute(
            """INSERT INTO judgements (at, by, kind, video, face, name)
            SELECT '2026-11-22T00:00:00.000Z', 'a test', 'is', video, id, ? FROM faces
            WHERE id = ?""",
            (name, face),
        )
        memory._connection.execute("UPDATE faces SET said = ? WHERE id = ?", (name, face))
