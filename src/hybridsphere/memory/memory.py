"""The memory: videos, their faces, and what people said of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from hybridsphere.ledger.database import Database
from hybridsphere.ledger.ledger import Upload
from hybridsphere.ledger.statements import buckets_of
from hybridsphere.memory.evidence import Evidence
from hybridsphere.memory.face import FACE_COLUMNS, Face, Looks, NewFace, looks_of
from hybridsphere.memory.from_evidence import from_evidence
from hybridsphere.memory.grouping import Grouping
from hybridsphere.memory.judgements import Judgements
from hybridsphere.memory.retention import expire
from hybridsphere.memory.rows import Record, is_attendance
from hybridsphere.memory.schema import MEMORY, MemoryFileError
from hybridsphere.memory.taking import take
from hybridsphere.memory.video import VIDEO_COLUMNS, Scene, Video
from hybridsphere.messages import utc_text

__all__ = ["Face", "Memory", "MemoryFileError", "NewFace", "Scene", "Video", "memory_path"]

PAGE = 200
"""Rows that one query reads. A reader that stays in one query keeps the WAL from being reused."""


def memory_path(results_dir: Path) -> Path:
    return MEMORY.path(results_dir)


class Memory(Database):
    """The memory, open. Changes are made inside `transaction()`; not for use by two threads."""

    kind = MEMORY

    def take(self, video: Video, faces: Sequence[NewFace], scene: Scene | None = None) -> int:
        """Keep a video with its faces, inside a transaction; returns the video's id.

        A repeated or lower attempt changes nothing. A higher one replaces the faces: a face found
        again keeps its id, group and judgements, and a judged face stays in any case.
        """
        number = take(self._connection, video, faces, scene, utc_text())
        self.judgements.apply([face.id for face in self.faces(number)])
        return number

    def expire(self, *, unknown_before: str, faces_before: str, most: int) -> int:
        """Remove up to `most` faces and scenes, inside a transaction; returns how many.

        Pictures and embeddings of faces without a name leave if the memory took them before
        `unknown_before`, all others before `faces_before`; scenes leave with the first. The rows of
        a video's faces leave together, with the last embeddings. They stay where somebody has
        judged, or a later decision or renaming has changed a name.
        """
        return expire(self._connection, unknown_before, faces_before, most)

    @cached_property
    def grouping(self) -> Grouping:
        """The groups of unknown faces."""
        return Grouping(self._connection)

    @cached_property
    def judgements(self) -> Judgements:
        """The words of people about faces and videos."""
        return Judgements(self._connection, self.grouping)

    def record(self, name: str) -> Record | None:
        """Return major and year of a person whose record an earlier release has kept."""
        query = """SELECT coalesce(major, ''), coalesce(year, '') FROM people
            WHERE name = ? AND status = 'matched'"""
        found: Record | None = self._connection.execute(query, (name,)).fetchone()
        return found

    def take_evidence(self, evidence: Evidence, version: str) -> int:
        """Keep the faces of an evidence object, like `take`; `version` is the ledger's name."""
        return self.take(*from_evidence(evidence, version))

    def video(self, bucket: str, key: str, version: str) -> Video | None:
        """Find the video of one version of an upload; None if its faces were not kept."""
        where = "bucket = ? AND key = ? AND version = ?"
        return next(self._videos(where, (bucket, key, version)), None)

    def video_of(self, number: int) -> Video | None:
        """Find a video by its id; None for an unknown one."""
        return next(self._videos("id = ?", (number,)), None)

    def videos(self, *, since: str = "", until: str = "~") -> Iterator[Video]:
        """Go through the videos uploaded from `since` until before `until`, the oldest first."""
        last = (since, 0)
        while page := list(
            self._videos(
                """(event_time, id) > (?, ?) AND event_time >= ? AND event_time < ?
                ORDER BY event_time, id LIMIT ?""",
                (*last, last[0], until, PAGE),
            )
        ):
            yield from page
            last = (page[-1].event_time, page[-1].id)

    def begin_video(self, upload: Upload) -> Video:
        """Find the video of an upload, or begin one without faces, inside a transaction.

        Its attempt is 0, so that faces that come later are taken.
        """
        if found := self.video(upload.bucket, upload.key, upload.version):
            return found
        mode = "attendance" if is_attendance(upload.csv or "") else "identify"
        place = (upload.bucket, upload.key, upload.version)
        take(
            self._connection,
            Video(*place, upload.event_time, 0, mode, upload.engine or "", "", 1.0, 0.6),
            (),
            None,
            utc_text(),
        )
        found = self.video(*place)
        assert found is not None  # noqa: S101 - it was just taken
        return found

    def faces_of_key(self, key: str) -> list[Face]:
        """List the faces of every version of a key, in the order of videos and numbers."""
        buckets = buckets_of("videos")
        videos = f"SELECT id FROM videos WHERE bucket IN ({buckets}) AND key = ?"  # noqa: S608 - ours
        return list(self._faces(f"video IN ({videos}) ORDER BY video, number", (key,)))

    def faces(self, video: int) -> list[Face]:
        """List the faces of a video, in the order of their numbers."""
        return list(self._faces("video = ? ORDER BY number, id", (video,)))

    def face(self, number: int) -> Face | None:
        """Find a face by its id; None for an unknown one."""
        return next(self._faces("id = ?", (number,)), None)

    def find(
        self,
        *,
        person: str | None = None,
        certainty: str | None = None,
        group: int | None = None,
        since: str = "",
        until: str = "~",
        after: tuple[str, int] | None = None,
        most: int = PAGE,
    ) -> list[Face]:
        """List faces of videos uploaded from `since` until before `until`, the newest first.

        A face whose looks have expired is listed only if people named it. `person` is a name, or
        empty for faces without one. `after` is `(at, id)` of the last face
        of the page before.
        """
        if person == "":
            # Each half is read in the order of an index, which SQLite does for no `OR`.
            halves = [{"person IS NULL": ""}, {"person = ?": ""}]
        else:
            halves = [{} if person is None else {"person = ?": person}]
        times = (since, until)
        found = [
            face
            for half in halves
            for face in self._page({**half, **_given(certainty, group)}, times, after, most)
        ]
        return sorted(found, key=lambda face: (face.at, face.id), reverse=True)[:most]

    def _page(
        self,
        conditions: dict[str, Any],
        times: tuple[str, str],
        after: tuple[str, int] | None,
        most: int,
    ) -> list[Face]:
        where = [*conditions, "at >= ?", "at < ?", "(stripped = 0 OR said IS NOT NULL)"]
        values: list[Any] = [value for text, value in conditions.items() if "?" in text]
        values += times
        if after:
            # The first condition alone would make SQLite read every page before this one.
            where += ["at <= ?", "(at, id) < (?, ?)"]
            values += [after[0], *after]
        order = f"{' AND '.join(where)} ORDER BY at DESC, id DESC LIMIT ?"
        return list(self._faces(order, (*values, most)))

    def looks(self, face: int) -> Looks | None:
        """Return the embeddings of a face; None if they have expired."""
        query = "SELECT embeddings FROM looks WHERE face = ?"
        row = self._connection.execute(query, (face,)).fetchone()
        return looks_of(row[0]) if row else None

    def looks_ms(self, face: int) -> tuple[int, ...]:
        """Return the time of each look at a face, in milliseconds; empty if they have expired."""
        query = "SELECT times_ms FROM looks WHERE face = ?"
        row = self._connection.execute(query, (face,)).fetchone()
        return tuple(orjson.loads(row[0])) if row else ()

    def picture(self, face: int) -> bytes | None:
        """Return a face's picture, a JPEG; None if there is none."""
        query = "SELECT jpeg FROM pictures WHERE face = ?"
        row = self._connection.execute(query, (face,)).fetchone()
        return bytes(row[0]) if row else None

    def scene(self, video: int) -> Scene | None:
        """Return the picture of a whole frame of a video; None if there is none."""
        query = "SELECT at_ms, jpeg FROM scenes WHERE video = ?"
        row = self._connection.execute(query, (video,)).fetchone()
        return Scene(*row) if row else None

    def mark_stale(self, video: int) -> None:
        """Note that a video's answer must be derived again."""
        self._connection.execute("INSERT OR IGNORE INTO stale VALUES (?)", (video,))

    def stale(self, most: int = PAGE) -> list[int]:
        """List the ids of videos whose answer must be derived again."""
        query = "SELECT video FROM stale ORDER BY video LIMIT ?"
        return [row[0] for row in self._connection.execute(query, (most,))]

    def settle(self, video: int) -> None:
        """Note that a video's answer was derived."""
        self._connection.execute("DELETE FROM stale WHERE video = ?", (video,))

    def count_faces(self) -> int:
        """Count the faces that are kept."""
        return int(self._connection.execute("SELECT count(*) FROM faces").fetchone()[0])

    def _videos(self, where: str, values: tuple[Any, ...]) -> Iterator[Video]:
        query = f"SELECT {VIDEO_COLUMNS} FROM videos WHERE {where}"  # noqa: S608 - ours
        return map(Video.of_row, self._connection.execute(query, values))

    def _faces(self, where: str, values: tuple[Any, ...]) -> Iterator[Face]:
        query = f"SELECT {FACE_COLUMNS} FROM faces WHERE {where}"  # noqa: S608 - ours
        with self._reading_rows():
            yield from map(Face.of_row, self._connection.execute(query, values))

    @contextmanager
    def _reading_rows(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise self.kind.damaged(self._path, error) from error


def _given(certainty: str | None, group: int | None) -> dict[str, Any]:
    """Return the conditions of a search that were given, with their values."""
    conditions = {"certainty = ?": certainty, "group_id = ?": group}
    return {text: value for text, value in conditions.items() if value is not None}
