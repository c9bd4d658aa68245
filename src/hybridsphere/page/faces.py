"""The faces that memory keeps, as the page shows them; nothing here changes any."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridsphere.page.archive import Entry
from hybridsphere.paths import OWN_FOLDER

_COLUMNS = (
    "faces.id, number, left, top, right, bottom, first_ms, last_ms, spans, best_ms, "
    "faces.name, distance, runner_up, runner_up_distance, certainty, said, person, group_id"
)


@dataclass(frozen=True, slots=True)
class Face:
    """A face of a video: `box` in shares of the frame, times in milliseconds.

    `name` is the machine's, `said` a person's (None: nobody said anything, empty: no name),
    `person` is what counts.
    """

    id: int
    number: int
    box: tuple[float, float, float, float]
    first_ms: int
    last_ms: int
    spans: list[list[int]]
    best_ms: int
    name: str | None
    distance: float | None
    runner_up: str | None
    runner_up_distance: float | None
    certainty: str | None
    said: str | None
    person: str | None
    group: int | None

    @property
    def corrected(self) -> bool:
        """Whether a person's word stands above the machine's."""
        return self.said is not None

    @property
    def word(self) -> str:
        """How sure it is, in one word."""
        if self.said:
            return "confirmed"
        if self.said == "":
            return "nobody"
        return (self.certainty or "likely") if self.person else "unknown"

    @property
    def label(self) -> str:
        """The name that counts, or the one that a stranger goes by."""
        if self.person:
            return self.person
        if self.said == "":
            return "not a person"
        return f"unknown {self.group}" if self.group else "unknown"


@dataclass(frozen=True, slots=True)
class Group:
    """Faces of one unknown person."""

    id: int
    size: int
    videos: int
    first_at: str
    last_at: str
    faces: Sequence[int]
    like: str | None


def memory_path(results_dir: Path) -> Path:
    return results_dir / OWN_FOLDER / "memory.sqlite3"


class Faces:
    """The memory, open for reading."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def read(cls, results_dir: Path) -> Iterator["Faces | None"]:
        """Open for reading; None where nothing is remembered."""
        path = memory_path(results_dir)
        if not path.exists():
            yield None
            return
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=2, check_same_thread=False)) as found:
            yield cls(found)

    def video(self, entry: Entry) -> int | None:
        """Find the number of an upload's video."""
        upload = entry.upload
        found = self._connection.execute(
            "SELECT id FROM videos WHERE bucket = ? AND key = ? AND version = ?",
            (upload.bucket, upload.key, upload.version),
        ).fetchone()
        return int(found[0]) if found else None

    def of_video(self, video: int, most: int = 256) -> list[Face]:
        """List the faces of a video: the named first, each as long as it was seen."""
        return self._faces(
            "video = ? ORDER BY coalesce(person, '') = '', number LIMIT ?", (video, most)
        )

    def of_person(self, person: str, before: str, most: int) -> list[tuple[Face, str]]:
        """List where a person was seen before a moment, the latest first, with the video's key."""
        query = f"""SELECT {_COLUMNS}, videos.key FROM faces JOIN videos ON videos.id = video
            WHERE person = ? AND at < ? ORDER BY at DESC LIMIT ?"""  # noqa: S608 - ours
        rows = self._connection.execute(query, (person, before, most)).fetchall()
        return [(_face(row[:-1]), str(row[-1])) for row in rows]

    def persons(self, most: int = 1000) -> list[str]:
        """List everybody who was seen, by name; each costs one search of an index."""
        found: list[str] = []
        last: str | None = ""
        query = "SELECT min(person) FROM faces WHERE person > ?"
        while len(found) < most:
            (last,) = self._connection.execute(query, (last,)).fetchone()
            if last is None:
                break
            found.append(last)
        return found

    def groups(self, after: tuple[str, int], most: int) -> list[Group]:
        """List the groups of unknown people without a name, those seen last first."""
        rows = self._connection.execute(
            """SELECT id, size, first_at, last_at FROM groups
            WHERE name IS NULL AND (last_at, id) < (?, ?) ORDER BY last_at DESC, id DESC LIMIT ?""",
            (*after, most),
        ).fetchall()
        return [self._group(*row) for row in rows]

    def count_groups(self) -> int:
        query = "SELECT count(*) FROM groups WHERE name IS NULL"
        return int(self._connection.execute(query).fetchone()[0])

    def face(self, face: int) -> tuple[Face, int] | None:
        """Find a face and its video."""
        query = f"SELECT {_COLUMNS}, video FROM faces WHERE faces.id = ?"  # noqa: S608 - ours
        row = self._connection.execute(query, (face,)).fetchone()
        return (_face(row[:-1]), int(row[-1])) if row else None

    def crop(self, face: int) -> bytes | None:
        """Return the JPEG of a face."""
        return self._blob("SELECT jpeg FROM pictures WHERE face = ?", face)

    def scene(self, video: int) -> bytes | None:
        """Return the JPEG of a video's scene."""
        return self._blob("SELECT jpeg FROM scenes WHERE video = ?", video)

    def _group(self, group: int, size: int, first_at: str, last_at: str) -> Group:
        faces = self._connection.execute(
            """SELECT id, video, runner_up FROM faces
            WHERE group_id = ? ORDER BY at DESC LIMIT 200""",
            (group,),
        ).fetchall()
        like = next((row[2] for row in faces if row[2]), None)
        videos = len({row[1] for row in faces})
        return Group(group, size, videos, first_at, last_at, [row[0] for row in faces[:8]], like)

    def _faces(self, where: str, values: tuple[Any, ...]) -> list[Face]:
        query = f"SELECT {_COLUMNS} FROM faces WHERE {where}"  # noqa: S608 - ours
        return [_face(row) for row in self._connection.execute(query, values).fetchall()]

    def _blob(self, query: str, number: int) -> bytes | None:
        found = self._connection.execute(query, (number,)).fetchone()
        return bytes(found[0]) if found else None


def _face(row: tuple[Any, ...]) -> Face:
    number, place, left, top, right, bottom, first, last, spans, *rest = row
    return Face(
        number,
        place,
        (left, top, right, bottom),
        first or 0,
        last or 0,
        json.loads(spans or "[]"),
        rest[0] or 0,
        *rest[1:],
    )
