"""Judgements: what people said, kept for ever, and what it makes of the faces.

All changes belong inside a transaction of the memory. A change marks the videos whose answers must
be derived again.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence

from hybridsphere.memory.grouping import Grouping
from hybridsphere.memory.words import (
    Judgement,
    Kind,
    Standing,
    confirmation,
    standing_judgements,
    standings,
)
from hybridsphere.messages import name_form, utc_text

_COLUMNS = ", ".join(Judgement._fields)

_ABOUT = f"""
SELECT {_COLUMNS} FROM judgements WHERE face IN (SELECT value FROM json_each(?1))
UNION SELECT {_COLUMNS} FROM judgements
WHERE video IN (SELECT video FROM faces WHERE id IN (SELECT value FROM json_each(?1)))
AND face IS NULL ORDER BY id
"""  # noqa: S608 - ours

_UNKNOWN = "coalesce(person, '') = ''"


class Judgements:
    """The judgements of one memory."""

    def __init__(self, connection: sqlite3.Connection, grouping: Grouping) -> None:
        self._connection = connection
        self._grouping = grouping

    def say(
        self,
        kind: Kind,
        *,
        by: str,
        video: int,
        face: int | None = None,
        name: str | None = None,
        other: int | None = None,
        note: str | None = None,
    ) -> int:
        """Record a word about a face, or about a whole video; returns its number.

        Raises UnusableName for an empty or unprintable name.
        """
        name = None if name is None else name_form(name)
        cursor = self._connection.execute(
            """INSERT INTO judgements (at, by, kind, video, face, name, other, note)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (utc_text(), by, kind, video, face, name, other, note),
        )
        self._follow(video, face)
        if kind == "same" and face is not None and other is not None:
            self._grouping.join([face, other])
        return cursor.lastrowid or 0

    def confirm(self, video: int, people: Sequence[str], *, by: str) -> int:
        """Record that a video's answer is right, with the names that it has now."""
        faces = self._connection.execute(
            "SELECT id, nullif(person, '') FROM faces WHERE video = ? ORDER BY id", (video,)
        )
        note = confirmation(dict(faces.fetchall()), people)
        return self.say("right", by=by, video=video, note=note)

    def take_back(self, judgement: Judgement, *, by: str) -> int:
        """Take back a word; what the machine said, or earlier words, count again."""
        assert judgement.video is not None  # noqa: S101 - every word is about a video
        video, face = judgement.video, judgement.face
        if judgement.kind == "same" and face is not None:
            # It joins the group that it seems to belong to.
            self._grouping.leave([face])
        return self.say("undo", by=by, video=video, face=face, other=judgement.id)

    def of_video(self, video: int) -> list[Judgement]:
        """List the words about a video and its faces, in order, those taken back too."""
        query = f"SELECT {_COLUMNS} FROM judgements WHERE video = ? ORDER BY id"  # noqa: S608 - ours
        return [Judgement(*row) for row in self._connection.execute(query, (video,))]

    def last(self, video: int, face: int | None = None) -> Judgement | None:
        """Find the last word about a video, or about one face, that nobody took back."""
        standing = standing_judgements(self.of_video(video))
        about = [one for one in standing if face is None or one.face == face]
        return about[-1] if about else None

    def standings(self, faces: Collection[int]) -> dict[int, Standing]:
        """Return what the words make of faces."""
        found = self._replay(self._connected(faces))
        return {face: found[face] for face in faces if face in found}

    def apply(self, faces: Collection[int]) -> None:
        """Make faces, and those that are the same, what the words say; group the unknown."""
        connected = self._connected(faces)
        found = self._replay(connected)
        rows = self._connection.execute(
            """SELECT faces.id, faces.video, faces.said, faces.name, faces.group_id, groups.name
            FROM faces LEFT JOIN groups ON groups.id = faces.group_id
            WHERE faces.id IN (SELECT value FROM json_each(?)) ORDER BY faces.id""",
            (json.dumps(sorted(connected)),),
        ).fetchall()
        leaving, joining = [], []
        for face, video, said, name, group, group_name in rows:
            standing = found[face]
            if standing.said != said:
                self._connection.execute(
                    "UPDATE faces SET said = ? WHERE id = ?", (standing.said, face)
                )
                self._mark_stale([video])
            person = standing.person(name)
            belongs = not standing.nobody and person in {None, group_name}
            if group is None and person is None and not standing.nobody:
                joining.append(face)
            elif group is not None and not belongs:
                leaving.append(face)
        self._grouping.leave(leaving)
        self._grouping.add(joining)

    def name_group(self, group: int, name: str, *, by: str) -> list[int]:
        """Give every unknown face of a group a name, and the group; returns the numbers of faces.

        Raises UnusableName for an empty or unprintable name.
        """
        name = name_form(name)
        unknown = f"group_id = ? AND {_UNKNOWN}"
        faces = self._ids(f"SELECT id FROM faces WHERE {unknown} ORDER BY id", group)  # noqa: S608 - ours
        judged = self._already_judged(group)
        self._connection.execute(
            f"""INSERT INTO judgements (at, by, kind, video, face, name, other)
            SELECT ?, ?, 'is', video, id, ?, ? FROM faces WHERE {unknown} ORDER BY id""",  # noqa: S608 - ours
            (utc_text(), by, name, group, group),
        )
        self._grouping.rename(group, name)
        self._mark_videos(group)
        # Faces without earlier words need no replay.
        self._connection.execute(
            f"""UPDATE faces SET said = ? WHERE {unknown}
            AND id NOT IN (SELECT value FROM json_each(?))""",  # noqa: S608 - ours
            (name, group, json.dumps(judged)),
        )
        self.apply(judged)
        return faces

    def unname_group(self, group: int, *, by: str) -> int:
        """Take back the last naming of a group; returns how many faces lose the name."""
        last = self._last_naming(group)
        if last is None:
            return 0
        faces = self._ids(
            f"""{_MERGED} INSERT INTO judgements (at, by, kind, video, face, other)
            SELECT ?2, ?3, 'undo', video, face, id FROM judgements AS named
            WHERE at = ?4 AND {_NAMING} RETURNING face""",  # noqa: S608 - ours
            group,
            utc_text(),
            by,
            last[0],
        )
        earlier = self._last_naming(group)
        self._grouping.rename(group, earlier[1] if earlier else None)
        self.apply(faces)
        return len(faces)

    def _last_naming(self, group: int) -> tuple[str, str] | None:
        """Find time and name of a group's last naming that nobody took back."""
        query = f"""{_MERGED} SELECT at, name FROM judgements AS named
            WHERE {_NAMING} ORDER BY id DESC LIMIT 1"""  # noqa: S608 - ours
        row: tuple[str, str] | None = self._connection.execute(query, (group,)).fetchone()
        return row

    def _follow(self, video: int, face: int | None) -> None:
        """Apply what was said of a face, or of a video with all its faces."""
        self._mark_stale([video])
        if face is not None:
            self.apply([face])
        else:
            self.apply(self._ids("SELECT id FROM faces WHERE video = ?", video))

    def _connected(self, faces: Iterable[int]) -> set[int]:
        """Return faces, and all that any word of "same" has connected with them."""
        known = set(self._ids(_EXISTING, json.dumps(list(faces))))
        new = known
        while new:
            new = set(self._ids(_SAME, json.dumps(sorted(new)))) - known
            known |= new
        return known

    def _replay(self, faces: Collection[int]) -> dict[int, Standing]:
        chosen = json.dumps(sorted(faces))
        machine = {
            face: (name, distance)
            for face, name, distance in self._connection.execute(
                """SELECT id, name, distance FROM faces
                WHERE id IN (SELECT value FROM json_each(?))""",
                (chosen,),
            )
        }
        words = [Judgement(*row) for row in self._connection.execute(_ABOUT, (chosen,))]
        return standings(machine, words)

    def _already_judged(self, group: int) -> list[int]:
        """List the faces of a group that somebody has said something of before."""
        return self._ids(
            """SELECT faces.id FROM faces WHERE group_id = ?1 AND (
                EXISTS (SELECT 1 FROM judgements WHERE face = faces.id)
                OR EXISTS (SELECT 1 FROM judgements WHERE other = faces.id AND kind = 'same')
                OR EXISTS (SELECT 1 FROM judgements
                    WHERE video = faces.video AND face IS NULL AND kind = 'right'))""",
            group,
        )

    def _mark_stale(self, videos: Iterable[int]) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO stale VALUES (?)", [(video,) for video in videos]
        )

    def _mark_videos(self, group: int) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO stale SELECT DISTINCT video FROM faces WHERE group_id = ?",
            (group,),
        )

    def _ids(self, query: str, *values: object) -> list[int]:
        return [row[0] for row in self._connection.execute(query, values)]


_EXISTING = "SELECT id FROM faces WHERE id IN (SELECT value FROM json_each(?))"

_SAME = """
SELECT faces.id FROM judgements JOIN faces ON faces.id = judgements.other
WHERE judgements.kind = 'same' AND judgements.face IN (SELECT value FROM json_each(?1))
UNION SELECT faces.id FROM judgements JOIN faces ON faces.id = judgements.face
WHERE judgements.kind = 'same' AND judgements.other IN (SELECT value FROM json_each(?1))
"""

# A group, and those that it has taken over: the words about their faces name them.
_MERGED = """
WITH RECURSIVE own (id) AS (
    SELECT ?1 UNION SELECT groups.id FROM groups JOIN own ON groups.merged = own.id)
"""

_NAMING = """
other IN (SELECT id FROM own) AND kind = 'is'
AND NOT EXISTS (SELECT 1 FROM judgements WHERE other = named.id AND kind = 'undo')
"""
