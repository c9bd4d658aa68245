"""The groups of unknown faces as the memory keeps them: "unknown 12" stays 12.

A group has the faces that nobody knows, and those that got the group's own name. All changes belong
inside a transaction of the memory.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hybridsphere.memory.groups import Core, Groups, Vector, vector_of


class _Member(NamedTuple):
    """A face to be grouped: its id, its video's time, its space, and its average look."""

    face: int
    group: int | None
    at: str
    engine: str
    space: str
    vector: Vector


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """A group as a list shows it.

    - `faces`, `videos`: how many are unknown still; `all_faces` counts the named too.
    - `first_at`, `last_at`: times of the first and the last video.
    - `best_face`: the largest face, whose picture shows the person best.
    """

    id: int
    name: str | None
    faces: int
    all_faces: int
    videos: int
    first_at: str
    last_at: str
    best_face: int


class Grouping:
    """The groups of one memory; other processes may change them too."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._token = -1
        self._spaces: dict[str, Groups] = {}
        self._last = 0

    def add(self, faces: Sequence[int]) -> None:
        """Put faces without a group into one each; faces without looks stay without."""
        for member in self._members(faces):
            if member.group is not None:
                continue
            groups = self._groups(member.space, member.engine)
            groups.last = self._last
            joined = groups.add(member.vector)
            self._begin(joined.group, member)
            self._merge(joined.group, joined.merged)
            self._connection.execute(
                "UPDATE faces SET group_id = ? WHERE id = ?", (joined.group, member.face)
            )
            self._save(groups, joined.group)

    def leave(self, faces: Sequence[int]) -> None:
        """Take faces out of their groups, which keep their numbers."""
        for member in self._members(faces):
            if member.group is None:
                continue
            groups = self._groups(member.space, member.engine)
            if member.group in groups:
                groups.remove(member.group, member.vector)
            self._connection.execute(
                "UPDATE faces SET group_id = NULL WHERE id = ?", (member.face,)
            )
            self._save(groups, member.group)
        # A face without looks is in no sum.
        self._connection.execute(
            "UPDATE faces SET group_id = NULL WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(faces)),),
        )

    def join(self, faces: Sequence[int]) -> None:
        """Make one group of the groups of several faces of one space."""
        by_space: dict[str, set[int]] = {}
        engines: dict[str, str] = {}
        for member in self._members(faces):
            if member.group is not None:
                by_space.setdefault(member.space, set()).add(member.group)
                engines[member.space] = member.engine
        for space, ids in by_space.items():
            if len(ids) < 2:
                continue
            groups = self._groups(space, engines[space])
            if len({groups.names[one] for one in ids if one in groups.names}) > 1:
                continue
            joined = groups.join(ids)
            self._merge(joined.group, joined.merged)
            self._save(groups, joined.group)

    def rename(self, group: int, name: str | None) -> None:
        """Give a group a name, or none; its faces stay as they are."""
        self._connection.execute("UPDATE groups SET name = ? WHERE id = ?", (name, group))
        self._renew_token(forget=True)

    def current(self, group: int) -> int | None:
        """Return the group that has a group's faces by now; None for an unknown number."""
        query = "SELECT merged FROM groups WHERE id = ?"
        while row := self._connection.execute(query, (group,)).fetchone():
            if row[0] is None:
                return group
            group = row[0]
        return None

    def summaries(
        self, *, group: int | None = None, since: str = "", until: str = "~", most: int = 50
    ) -> list[GroupSummary]:
        """List groups with unknown faces, or one group, the largest first."""
        chosen = "group_id = ?" if group else "group_id IS NOT NULL"
        rows = self._connection.execute(
            f"""SELECT group_id, groups.name, sum(coalesce(person, '') = ''), count(*),
            count(DISTINCT video), min(at), max(at),
            max(size_px * 1000000000000 + faces.id) % 1000000000000
            FROM faces JOIN groups ON groups.id = faces.group_id
            WHERE {chosen} AND at >= ? AND at < ? GROUP BY group_id
            HAVING ? OR sum(coalesce(person, '') = '') > 0
            ORDER BY 3 DESC, group_id LIMIT ?""",  # noqa: S608 - ours
            (*([group] if group else []), since, until, bool(group), most),
        )
        return [GroupSummary(*row) for row in rows]

    def name_of(self, group: int) -> str | None:
        """Return the name that people gave to a group."""
        row = self._connection.execute("SELECT name FROM groups WHERE id = ?", (group,)).fetchone()
        return None if row is None or row[0] is None else str(row[0])

    def largest(self, group: int, most: int) -> list[int]:
        """List the faces of a group that have looks, the largest first."""
        rows = self._connection.execute(
            """SELECT id FROM faces WHERE group_id = ? AND looks > 0 AND stripped = 0
            ORDER BY size_px DESC, id LIMIT ?""",
            (group, most),
        )
        return [row[0] for row in rows]

    def _members(self, faces: Iterable[int]) -> list[_Member]:
        rows = self._connection.execute(
            """SELECT faces.id, faces.group_id, faces.at, videos.engine, videos.digest,
            videos.scale, looks.embeddings
            FROM json_each(?) AS chosen JOIN faces ON faces.id = chosen.value
            JOIN looks ON looks.face = faces.id JOIN videos ON videos.id = faces.video
            WHERE faces.looks > 0 ORDER BY faces.id""",
            (json.dumps(list(faces)),),
        ).fetchall()
        return [
            _Member(face, group, at, engine, f"{engine} {digest} {scale}", vector_of(looks))
            for face, group, at, engine, digest, scale, looks in rows
        ]

    def _groups(self, space: str, engine: str) -> Groups:
        (token,) = self._connection.execute("SELECT token FROM grouping").fetchone()
        if token != self._token:
            # Another process has changed the groups, or a transaction was rolled back.
            self._spaces.clear()
            self._token = token
            query = "SELECT seq FROM sqlite_sequence WHERE name = 'groups'"
            found = self._connection.execute(query).fetchone()
            self._last = found[0] if found else 0
        if space not in self._spaces:
            self._spaces[space] = self._load(space, engine)
        return self._spaces[space]

    def _load(self, space: str, engine: str) -> Groups:
        groups = Groups(engine, self._last)
        rows = self._connection.execute(
            "SELECT id, size, core, name FROM groups WHERE space = ? AND size > 0", (space,)
        )
        for group, size, core, name in rows:
            numbers = np.frombuffer(core, "<f8")
            groups.put(group, Core(size, numbers[:-1], float(numbers[-1])))
            if name:
                groups.names[group] = name
        return groups

    def _begin(self, group: int, member: _Member) -> None:
        """Note that a group exists, and the time of a face in it."""
        self._last = max(self._last, group)
        self._connection.execute(
            """INSERT INTO groups (id, space, size, first_at, last_at) VALUES (?1, ?2, 0, ?3, ?3)
            ON CONFLICT DO UPDATE SET first_at = min(coalesce(first_at, ?3), ?3),
            last_at = max(coalesce(last_at, ?3), ?3)""",
            (group, member.space, member.at),
        )

    def _merge(self, kept: int, others: Iterable[int]) -> None:
        for other in others:
            self._connection.execute(
                "UPDATE faces SET group_id = ? WHERE group_id = ?", (kept, other)
            )
            self._connection.execute(
                """UPDATE groups SET first_at = min(groups.first_at, other.first_at),
                last_at = max(groups.last_at, other.last_at),
                name = coalesce(groups.name, other.name)
                FROM (SELECT first_at, last_at, name FROM groups WHERE id = ?2) AS other
                WHERE id = ?1""",
                (kept, other),
            )
            self._connection.execute(
                """UPDATE groups SET merged = ?, size = 0, core = NULL, name = NULL
                WHERE id = ?""",
                (kept, other),
            )

    def _save(self, groups: Groups, group: int) -> None:
        """Write a group's sums; no sum of a face outlives the last face."""
        if group in groups:
            size, total, squares = groups.core(group)
            core = np.append(total, squares).astype("<f8").tobytes()
            self._connection.execute(
                "UPDATE groups SET size = ?, core = ? WHERE id = ?", (size, core, group)
            )
        else:
            self._connection.execute(
                """UPDATE groups SET size = 0, core = NULL, first_at = NULL, last_at = NULL
                WHERE id = ?""",
                (group,),
            )
        self._renew_token()

    def _renew_token(self, *, forget: bool = False) -> None:
        token = secrets.randbelow(2**62) + 1
        self._connection.execute("UPDATE grouping SET token = ?", (token,))
        if not forget:
            self._token = token
