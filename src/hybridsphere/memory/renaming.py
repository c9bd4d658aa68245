"""Another name for a person: faces, groups and words, as if the person had always had it."""

from collections.abc import Sequence

from hybridsphere.ledger.ledger import Upload
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.words import Judgement, standing_judgements
from hybridsphere.messages import name_form, utc_text

_OLD = "SELECT id, video FROM faces WHERE said = ? ORDER BY id"


def rename_person(memory: Memory, old: str, new: str, *, by: str) -> int:
    """Give all faces of a person another name, inside a transaction; returns how many.

    A name that the machine found is replaced. A name that people said or denied gets a new word,
    which may be taken back. The faces join those of a person who has the new name already. Raises
    UnusableName.
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
    """Repeat the words about a name with the new one, in the order in which they were said."""
    connection = memory.connection
    denied = [one for video in _denying(memory, old) for one in _denials(memory, video, old, new)]
    videos = {one.video for one in denied}
    said = [tuple(row) for row in connection.execute(_OLD, (old,))]
    # Order matters only where somebody also denied the name.
    standings = memory.judgements.standings([face for face, video in said if video in videos])
    words = [
        (standings[face].since if face in standings else 0, "is", video, face)
        for face, video in said
    ]
    words += [(one.id, "is_not", one.video, one.face) for one in denied]
    at = utc_text()
    connection.executemany(
        "INSERT INTO judgements (at, by, kind, video, face, name) VALUES (?, ?, ?, ?, ?, ?)",
        [(at, by, *word, new) for _, *word in sorted(words, key=lambda word: word[0])],
    )
    connection.executemany("INSERT OR IGNORE INTO stale VALUES (?)", [(video,) for video in videos])
    memory.judgements.apply([face for *_, face in words if face is not None])


def _denying(memory: Memory, name: str) -> list[int]:
    query = "SELECT DISTINCT video FROM judgements WHERE kind = 'is_not' AND name = ?"
    return [row[0] for row in memory.connection.execute(query, (name,))]


def _denials(memory: Memory, video: int, old: str, new: str) -> list[Judgement]:
    """List the words that deny a name, except where people gave the new one."""
    words = standing_judgements(memory.judgements.of_video(video))
    given = {word.face for word in words if (word.kind, word.name) == ("is", new)}
    given |= {face.id for face in memory.faces(video) if face.said == new}
    return [
        word
        for word in words
        if (word.kind, word.name) == ("is_not", old)
        and (word.face not in given if word.face is not None else not given)
    ]
