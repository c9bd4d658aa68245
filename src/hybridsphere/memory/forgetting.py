"""A person, taken out of the memory: faces, looks, pictures, words, names."""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from hybridsphere.ledger.forgetting import FORGOTTEN
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.schema import APPEND_ONLY
from hybridsphere.memory.taking import remove
from hybridsphere.messages import utc_text

_LIFTED = ("judgements_stay", "judgements_keep")


@dataclass(frozen=True, slots=True)
class Remembered:
    """The traces of a person in the memory.

    - `faces`: faces of the person; `mistaken`: faces that the machine took for the person, or for
      the runner-up.
    - `videos`: videos that show the person, whose scenes go.
    - `words`, `groups`, `records`: judgements, groups and student records with the name.
    """

    faces: list[int] = field(default_factory=list)
    mistaken: list[int] = field(default_factory=list)
    videos: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    records: list[str] = field(default_factory=list)


class Forgetter:
    """Finds and forgets one person, under all spellings of the name."""

    def __init__(self, memory: Memory, names: Collection[str]) -> None:
        self._memory = memory
        self._connection = memory.connection
        self._names = names
        self._chosen = json.dumps(sorted(names))
        # A confirmation has names in JSON, which escapes quotes.
        forms = {*names, *(json.dumps(name, ensure_ascii=False)[1:-1] for name in names)}
        whole = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
        self._pattern = re.compile(rf"(?<!\w)(?:{whole})(?!\w)")

    def find(self) -> Remembered:
        """Find everything, and change nothing."""
        faces = self._ids(f"SELECT id FROM faces WHERE person IN {_NAMES}")  # noqa: S608 - ours
        mistaken = self._ids(
            f"""SELECT id FROM faces WHERE (name IN {_NAMES} OR runner_up IN {_NAMES})
            AND coalesce(person, '') NOT IN {_NAMES}"""  # noqa: S608 - ours
        )
        return Remembered(
            faces=faces,
            mistaken=mistaken,
            videos=self._ids(f"SELECT DISTINCT video FROM faces WHERE person IN {_NAMES}"),  # noqa: S608 - ours
            words=self._words(),
            groups=self._ids(f"SELECT id FROM groups WHERE name IN {_NAMES}"),  # noqa: S608 - ours
            records=[
                row[0]
                for row in self._connection.execute(
                    f"SELECT name FROM people WHERE name IN {_NAMES}",  # noqa: S608 - ours
                    (self._chosen,),
                )
            ],
        )

    def looks(self, faces: Iterable[int], most: int) -> list[bytes]:
        """Return a look of each of up to `most` faces, as the memory keeps it."""
        rows = self._connection.execute(
            """SELECT embeddings FROM looks WHERE face IN (SELECT value FROM json_each(?))
            ORDER BY face LIMIT ?""",
            (json.dumps(list(faces)), most),
        )
        return [bytes(row[0][:256]) for row in rows]

    def forget(self, found: Remembered) -> None:
        """Take everything away, inside a transaction."""
        connection = self._connection
        self._rewrite_words(found.words)
        # The rows of these people stay in the answers, though no face belongs to them.
        connection.execute(
            """UPDATE videos SET left_out = left_out +
            (SELECT count(*) FROM faces WHERE video = videos.id
                AND faces.id IN (SELECT value FROM json_each(?1)))
            WHERE id IN (SELECT video FROM faces WHERE id IN (SELECT value FROM json_each(?1)))""",
            (json.dumps(found.faces),),
        )
        remove(connection, found.faces)
        videos = json.dumps(found.videos)
        connection.execute(
            "DELETE FROM scenes WHERE video IN (SELECT value FROM json_each(?))", (videos,)
        )
        connection.execute(
            f"""UPDATE faces SET runner_up = NULL, runner_up_distance = NULL
            WHERE runner_up IN {_NAMES}""",  # noqa: S608 - ours
            (self._chosen,),
        )
        connection.execute(
            f"""UPDATE faces SET name = NULL, distance = NULL, certainty = 'unknown'
            WHERE name IN {_NAMES}""",  # noqa: S608 - ours
            (self._chosen,),
        )
        connection.execute(
            f"UPDATE videos SET decided = ?2 WHERE decided IN {_NAMES}",  # noqa: S608 - ours
            (self._chosen, FORGOTTEN),
        )
        connection.execute(f"DELETE FROM people WHERE name IN {_NAMES}", (self._chosen,))  # noqa: S608 - ours
        for group in found.groups:
            self._memory.grouping.rename(group, None)
        self._memory.judgements.apply(found.mistaken)

    def leave_receipt(self, counts: object) -> None:
        """Record that somebody was forgotten, and how much went; not who."""
        self._connection.execute(
            "INSERT INTO receipts (at, what) VALUES (?, ?)", (utc_text(), json.dumps(counts))
        )

    def _words(self) -> list[int]:
        rows = self._connection.execute("SELECT id, name, note, by FROM judgements")
        return [
            word
            for word, name, note, by in rows
            if name in self._names or by in self._names or (note and self._pattern.search(note))
        ]

    def _rewrite_words(self, words: Sequence[int]) -> None:
        """Take the name out of judgements; the triggers that keep them are lifted meanwhile."""
        if not words:
            return
        for trigger in _LIFTED:
            self._connection.execute(f"DROP TRIGGER {trigger}")
        for word in words:
            name, note, by = self._connection.execute(
                "SELECT name, note, by FROM judgements WHERE id = ?", (word,)
            ).fetchone()
            self._connection.execute(
                "UPDATE judgements SET name = ?, note = ?, by = ? WHERE id = ?",
                (
                    self._changed(name),
                    note and self._pattern.sub(FORGOTTEN, note),
                    self._changed(by),
                    word,
                ),
            )
        for statement in APPEND_ONLY:
            self._connection.execute(statement)

    def _changed(self, name: str | None) -> str | None:
        return FORGOTTEN if name in self._names else name

    def _ids(self, query: str) -> list[int]:
        return [row[0] for row in self._connection.execute(query, (self._chosen,))]


_NAMES = "(SELECT value FROM json_each(?1))"
