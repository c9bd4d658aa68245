"""Another name for a person: faces, groups and words, as if the person had always had it."""

import json
from collections.abc import Sequence

from hybridsphere.ledger.ledger import Upload
from hybridsphere.memory.memory import Memory
from hybridsphere.messages import name_form, utc_text

_OLD = "SELECT id FROM faces WHERE said = ? ORDER BY id"


def rename_person(memory: Memory, old: str, new: str, *, by: str) -> int:
    """Give all faces of a person another name, inside a transaction; returns how many.

    A name that the machine found is replaced. A name that people said gets a new word, which may be
    taken back. The faces join those of a person who has the new name already. Raises UnusableName.
    """
    new = name_form(new)
    connection = memory.connection
    count = int(
        connection.execute("SELECT count(*) FROM faces WHERE person = ?", (old,)).fetchone()[0]
    )
    connection.execute(
        """INSERT OR IGNORE INTO stale SELECT DISTINCT video FROM faces
        WHERE ?1 IN (name, said)""",
        (old,),
    )
    for (group,) in connection.execute("SELECT id FROM groups WHERE name = ?", (old,)).fetchall():
        memory.grouping.rename(group, new)
    _rename_found(memory, old, new)
    _rename_said(memory, old, new, by)
    return count


def rename_in_answers(
    memory: Memory, uploads: Sequence[Upload], old: str, new: str, *, by: str
) -> int:
    """Say that a person of whole answers has another name, inside a transaction.

    These are answers whose faces have expired, or that people have confirmed. Returns how many.
    """
    for upload in uploads:
        video = memory.begin_video(upload)
        memory.judgements.say("is_not", by=by, video=video.id, name=old)
        memory.judgements.say("is", by=by, video=video.id, name=new)
    return len(uploads)


def _rename_found(memory: Memory, old: str, new: str) -> None:
    connection = memory.connection
    # Nobody is their own runner-up.
    connection.execute(
        """UPDATE faces SET runner_up = NULL, runner_up_distance = NULL
        WHERE (name = ?1 AND runner_up = ?2) OR (name = ?2 AND runner_up = ?1)""",
        (old, new),
    )
    connection.execute(
        "UPDATE videos SET changed = 1 WHERE id IN (SELECT video FROM faces WHERE name = ?)",
        (old,),
    )
    connection.execute("UPDATE faces SET name = ?2 WHERE name = ?1", (old, new))
    connection.execute("UPDATE faces SET runner_up = ?2 WHERE runner_up = ?1", (old, new))
    connection.execute("UPDATE videos SET decided = ?2 WHERE decided = ?1", (old, new))


def _rename_said(memory: Memory, old: str, new: str, by: str) -> None:
    connection = memory.connection
    faces = [row[0] for row in connection.execute(_OLD, (old,))]
    connection.execute(
        """INSERT INTO judgements (at, by, kind, video, face, name)
        SELECT ?, ?, 'is', video, id, ? FROM faces
        WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id""",
        (utc_text(), by, new, json.dumps(faces)),
    )
    memory.judgements.apply(faces)
