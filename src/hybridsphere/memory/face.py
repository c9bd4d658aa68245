"""A face in a video, known or not."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson

from hybridsphere.messages.results import Spans

Looks = npt.NDArray[np.float16]
"""The embeddings of one face, `(looks, 128)`, in the gallery's units."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a face, as shares of the frame."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face of one video, with the machine's answer and the people's.

    - `number`: its place in the video, from 0 on.
    - `spans`: when it was in the picture, in milliseconds; `best_ms`: its best look.
    - `size_px`: side of the face in the best look; `looks`: embeddings that came with it, which
      may have expired.
    - `name` to `certainty`: the machine's answer; `certainty` is `sure`, `likely`, `doubtful` or
      `unknown`.
    - `said`: what people said; None for nothing, empty for nobody, otherwise a name.
    - `video`, `at`, `seen_at`, `group`, `id`: the memory's own; `at` is the video's event time.
    """

    number: int
    box: Box
    spans: Spans
    best_ms: int
    size_px: int
    looks: int
    name: str | None
    distance: float | None
    runner_up: str | None
    runner_up_distance: float | None
    certainty: str
    said: str | None = None
    group: int | None = None
    video: int = 0
    at: str = ""
    seen_at: str = ""
    id: int = 0

    @property
    def person(self) -> str | None:
        """The name that counts: the people's over the machine's. None or empty if unknown."""
        return self.name if self.said is None else self.said

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Self:
        """Read a row of `FACE_COLUMNS`. Raises ValueError if it is damaged."""
        number, left, top, right, bottom, spans, *rest = row
        pairs = tuple((first, last) for first, last in orjson.loads(spans))
        return cls(number, (left, top, right, bottom), pairs, *rest)


FACE_COLUMNS = """faces.number, faces."left", faces.top, faces."right", faces.bottom, faces.spans,
faces.best_ms, faces.size_px, faces.looks, faces.name, faces.distance, faces.runner_up,
faces.runner_up_distance, faces.certainty, faces.said, faces.group_id, faces.video, faces.at,
faces.seen_at, faces.id"""
"""The columns of a face, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class NewFace:
    """A face as the function sends it: its looks with their times, and a JPEG of the best one."""

    face: Face
    looks: Looks
    jpeg: bytes | None = None
    looks_ms: tuple[int, ...] = ()


def looks_of(content: bytes) -> Looks:
    """Read the embeddings of one face from the memory."""
    return np.frombuffer(content, "<f2").reshape(-1, 128)
