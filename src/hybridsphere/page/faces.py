"""The memory as the page reads it; nothing here changes it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hybridsphere.memory.memory import Face, Memory, MemoryFileError, memory_path
from hybridsphere.memory.video import Video
from hybridsphere.page.archive import Entry


@dataclass(frozen=True, slots=True)
class Group:
    """Faces of one unknown person; `faces` are some of them, the latest first."""

    id: int
    size: int
    videos: int
    first_at: str
    last_at: str
    faces: Sequence[int]
    like: str | None


_BEST = """
SELECT id FROM (SELECT id, size_px, said, certainty FROM faces
    WHERE person = ? AND stripped = 0 ORDER BY at DESC LIMIT 40)
ORDER BY said IS NULL, certainty = 'doubtful', size_px DESC LIMIT 1
"""


class Faces(Memory):
    """A memory that was opened for reading, with `Faces.of`."""

    @classmethod
    @contextmanager
    def of(cls, results_dir: Path) -> Iterator["Faces | None"]:
        """Open the memory of a folder; None without a memory, or if it cannot be read.

        Uploads are shown without it; the observer reports the trouble.
        """
        if not memory_path(results_dir).exists():
            yield None
            return
        with ExitStack() as stack:
            try:
                found = stack.enter_context(cls.read(results_dir))
            except MemoryFileError:
                found = None
            yield found

    def number_of(self, entry: Entry) -> int | None:
        """Find the id of an upload's video."""
        upload = entry.upload
        found = self._connection.execute(
            "SELECT id FROM videos WHERE bucket = ? AND key = ? AND version = ?",
            (upload.bucket, upload.key, upload.version),
        ).fetchone()
        return int(found[0]) if found else None

    def of_video(self, video: int, most: int = 256) -> list[Face]:
        """List the faces of a video, the named before the others."""
        where = "video = ? ORDER BY coalesce(person, '') = '', number LIMIT ?"
        return list(self._faces(where, (video, most)))

    def keys(self, faces: Sequence[Face]) -> dict[int, tuple[str, str]]:
        """Find the key and the version of the videos of faces."""
        videos = {face.video: self.video_of(face.video) for face in faces}
        return {number: (one.key, one.version) for number, one in videos.items() if one}

    def newest_videos(self, before: tuple[str, int], most: int) -> list[Video]:
        """List the videos uploaded before one of `(event_time, id)`, the newest first."""
        return list(
            self._videos(
                """event_time <= ? AND (event_time, id) < (?, ?)
                ORDER BY event_time DESC, id DESC LIMIT ?""",
                (before[0], *before, most),
            )
        )

    def best(self, names: Sequence[str]) -> dict[str, int]:
        """Find the face that shows each person best: large, sure, and with a picture."""
        found = {}
        for name in names:
            row = self._connection.execute(_BEST, (name,)).fetchone()
            if row:
                found[name] = int(row[0])
        return found

    def count_of(self, name: str) -> int:
        """Count the faces of a person."""
        query = "SELECT count(*) FROM faces WHERE person = ?"
        return int(self._connection.execute(query, (name,)).fetchone()[0])

    def persons(self, most: int = 1000, after: str = "") -> list[str]:
        """List everybody who was seen, by name; each costs one search of an index."""
        found: list[str] = []
        query = "SELECT min(person) FROM faces WHERE person > ?"
        while len(found) < most:
            (name,) = self._connection.execute(query, (after,)).fetchone()
            if name is None:
                break
            found.append(name)
            after = name
        return found

    def groups(self, after: tuple[str, int], most: int) -> list[Group]:
        """List the groups of unknown people that have no name, those seen last first."""
        rows = self._connection.execute(
            """SELECT id, size, first_at, last_at FROM groups
            WHERE name IS NULL AND size > 0 AND (last_at, id) < (?, ?)
            ORDER BY last_at DESC, id DESC LIMIT ?""",
            (*after, most),
        ).fetchall()
        return [self._group(*row) for row in rows]

    def count_groups(self) -> int:
        """Count the unknown people, up to a thousand."""
        query = """SELECT count(*) FROM
            (SELECT 1 FROM groups WHERE name IS NULL AND size > 0 LIMIT 1000)"""
        return int(self._connection.execute(query).fetchone()[0])

    def last_receipt(self) -> int:
        """Give the number of the last receipt of `forget`, 0 for none."""
        query = "SELECT coalesce(max(id), 0) FROM receipts"
        return int(self._connection.execute(query).fetchone()[0])

    def _group(self, group: int, size: int, first_at: str, last_at: str) -> Group:
        faces = self.find(group=group, most=100)
        like = next((face.runner_up for face in faces if face.runner_up), None)
        videos = len({face.video for face in faces})
        return Group(group, size, videos, first_at, last_at, [face.id for face in faces[:8]], like)
