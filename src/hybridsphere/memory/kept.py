"""Videos with the looks that are kept of their faces, page by page, and new decisions on them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hybridsphere.memory.face import FACE_COLUMNS, Face, looks_of
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.video import Video
from hybridsphere.recognition.decision import FaceAnswer, KeptLooks

PAGE = 200
"""Videos of one page: their looks are compared with the gallery together."""


@dataclass(frozen=True, slots=True)
class KeptFace:
    """A face with its looks; None once they have expired."""

    face: Face
    looks: KeptLooks | None

    @property
    def answer(self) -> FaceAnswer:
        """The machine's answer as it is stored."""
        face = self.face
        return FaceAnswer(
            face.name, face.distance, face.runner_up, face.runner_up_distance, face.certainty
        )


@dataclass(frozen=True, slots=True)
class KeptVideo:
    """A video with its faces, in the order of their numbers."""

    video: Video
    faces: Sequence[KeptFace]


def kept_pages(memory: Memory, since: str = "") -> Iterator[list[KeptVideo]]:
    """Go through the videos uploaded from `since` on, the oldest first."""
    page: list[Video] = []
    for video in memory.videos(since=since):
        page.append(video)
        if len(page) == PAGE:
            yield kept_of(memory, page)
            page = []
    if page:
        yield kept_of(memory, page)


def kept_of(memory: Memory, videos: Sequence[Video]) -> list[KeptVideo]:
    """Return videos with their faces and looks."""
    faces: dict[int, list[KeptFace]] = {video.id: [] for video in videos}
    for embeddings, times, *row in _rows(memory, faces):
        face = Face.of_row(tuple(row))
        faces[face.video].append(KeptFace(face, _looks(embeddings, times)))
    return [KeptVideo(video, faces[video.id]) for video in videos]


def renewed(memory: Memory, videos: Iterable[int]) -> list[KeptVideo]:
    """Read videos once more, inside a transaction: another program may have changed them."""
    found = (memory.video_of(number) for number in videos)
    return kept_of(memory, [video for video in found if video])


def put_decisions(
    memory: Memory,
    answers: Mapping[int, FaceAnswer],
    videos: Iterable[tuple[Video, float, str | None, str | None]],
) -> None:
    """Store new answers by the face's id, inside a transaction.

    `videos` are those that were decided: each with the tolerance, the gallery's digest, and the one
    person of `identify`.
    """
    connection = memory._connection  # noqa: SLF001 - this room's own
    connection.executemany(
        """UPDATE videos SET changed = 1
        WHERE id = (SELECT video FROM faces WHERE id = ? AND name IS NOT ?)""",
        [(face, answer.name) for face, answer in answers.items()],
    )
    connection.executemany(
        """UPDATE faces SET name = ?, distance = ?, runner_up = ?, runner_up_distance = ?,
        certainty = ? WHERE id = ?""",
        [(*answer, face) for face, answer in answers.items()],
    )
    connection.executemany(
        # Of several names, the function may have chosen another.
        """UPDATE videos SET tolerance = ?1, gallery = ?2, decided = ?3, changed = changed OR (
            ?3 IS NOT NULL AND (SELECT count(DISTINCT name) FROM faces WHERE video = ?4) > 1)
        WHERE id = ?4""",
        [(tolerance, gallery, decided, video.id) for video, tolerance, gallery, decided in videos],
    )


def _rows(memory: Memory, videos: Iterable[int]) -> Iterable[tuple[Any, ...]]:
    query = f"""SELECT looks.embeddings, looks.times_ms, {FACE_COLUMNS}
        FROM faces LEFT JOIN looks ON looks.face = faces.id
        WHERE faces.video IN (SELECT value FROM json_each(?))
        ORDER BY faces.video, faces.number, faces.id"""  # noqa: S608 - ours
    connection = memory._connection  # noqa: SLF001 - this room's own
    return connection.execute(query, (json.dumps(list(videos)),)).fetchall()


def _looks(embeddings: bytes | None, times: str | None) -> KeptLooks | None:
    if not embeddings:
        return None
    looks = looks_of(embeddings)
    times_s = [moment / 1000 for moment in orjson.loads(times or "[]")]
    # Times only say when somebody was seen best; the rule needs the looks alone.
    times_s += [0.0] * (len(looks) - len(times_s))
    return KeptLooks(looks, times_s[: len(looks)])
