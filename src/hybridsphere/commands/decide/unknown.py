"""Another look at the unknown: faces without a name, decided once more by their kept looks."""

from collections.abc import Iterator
from dataclasses import replace

from hybridsphere.commands.decide.difference import Decided, Difference, decide_page
from hybridsphere.commands.desk import Desk
from hybridsphere.memory.kept import KeptVideo, put_decisions, renewed
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.schema import AGEING
from hybridsphere.recognition.gallery import Gallery

_PAGE = 200

_UNKNOWN = f"""
SELECT DISTINCT video FROM faces WHERE ({AGEING}) = 1 AND stripped = 0 AND said IS NULL
ORDER BY video
"""  # noqa: S608 - ours


def look_again(memory: Memory, gallery: Gallery) -> Difference:
    """Find the unknown faces that a gallery names by now, and change nothing."""
    difference = Difference()
    for page in _pages(memory):
        for decided in decide_page(gallery, page, None, difference.leave):
            difference.add(_named(decided), lambda _: "")
    return difference


def name_unknown(desk: Desk, gallery: Gallery) -> tuple[int, int]:
    """Give unknown faces the names that a gallery has for them; returns how many, and answers.

    Faces with a name, and faces that people have judged, stay as they are. Each page is one
    transaction, so a second run goes on after an interruption.
    """
    memory = desk.memory
    faces, answers = 0, desk.derive()
    for page in _pages(memory):
        with memory.transaction():
            now = renewed(memory, (one.video.id for one in page))
            found = [_named(decided) for decided in decide_page(gallery, now, None)]
            changes = {face: answer for one in found for face, answer in one.answers.items()}
            videos = [one for one in found if one.answers]
            put_decisions(
                memory,
                changes,
                [
                    (one.kept.video, one.kept.video.tolerance, one.kept.video.gallery, one.person)
                    for one in videos
                ],
            )
            memory.judgements.apply(list(changes))
            for one in videos:
                memory.mark_stale(one.kept.video.id)
        faces += len(changes)
        answers += desk.derive()
    return faces, answers


def _pages(memory: Memory) -> Iterator[list[KeptVideo]]:
    """Go through the videos that have an unknown face, a page at a time."""
    videos = [row[0] for row in memory.connection.execute(_UNKNOWN)]
    for start in range(0, len(videos), _PAGE):
        yield renewed(memory, videos[start : start + _PAGE])


def _named(decided: Decided) -> Decided:
    """Keep of a decision the names of faces that had none."""
    free = {
        one.face.id for one in decided.kept.faces if one.face.name is None and one.face.said is None
    }
    answers = {
        face: answer
        for face, answer in decided.answers.items()
        if face in free and answer.name is not None
    }
    kept = replace(
        decided.kept, faces=[one for one in decided.kept.faces if one.face.id in answers]
    )
    # A decision of `identify` for nobody gives way to the new name; any other stays.
    before = decided.kept.video.decided
    person = decided.person if before == "" and answers else before
    return Decided(kept, decided.tolerance, answers, person)
