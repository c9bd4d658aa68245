"""Another name for a person: in the gallery, the memory and all answers."""

from collections.abc import Iterator
from typing import NamedTuple

from hybridsphere.commands.desk import Desk
from hybridsphere.commands.gallery_place import change_gallery
from hybridsphere.ledger.ledger import Upload
from hybridsphere.memory.records import Records
from hybridsphere.memory.renaming import rename_in_answers, rename_person
from hybridsphere.messages import name_form
from hybridsphere.recognition.gallery import Gallery

_PAGE = 100


class Renamed(NamedTuple):
    """The outcome: photographs of the gallery, faces of the memory, answers that were derived."""

    photographs: int
    faces: int
    answers: int


async def rename_in_gallery(place: str, old: str, new: str) -> int:
    """Rename a person in a gallery; returns how many photographs. Raises CannotRun.

    A name that the gallery lacks is accepted, so that a second run may follow a broken one.
    """
    count = 0

    def renamed(known: Gallery) -> Gallery:
        nonlocal count
        count = known.names.count(old)
        return known.renamed(old, new) if count else known

    await change_gallery(place, renamed)
    return count


def rename_in_results(desk: Desk, old: str, new: str) -> tuple[int, int]:
    """Rename a person in the memory and in all answers; returns how many faces and answers.

    The student's record holds for the new name, too, unless that name has its own.
    """
    if Records(desk.memory, desk.ledger).find(new := name_form(new)) is None:
        with desk.ledger.transaction():
            desk.ledger.copy_student(old, new)
    with desk.memory.transaction():
        faces = rename_person(desk.memory, old, new, by=desk.by)
    answers = desk.derive()
    for page in _still_named(desk, old):
        with desk.memory.transaction():
            rename_in_answers(desk.memory, page, old, new, by=desk.by)
        answers += desk.derive()
    return faces, answers


def _still_named(desk: Desk, old: str) -> Iterator[list[Upload]]:
    """Go through the uploads whose answer still has a name, a page at a time."""
    rows = desk.ledger.rows_with((old,))
    for start in range(0, len(rows), _PAGE):
        page = [
            upload
            for upload in desk.ledger.uploads_at(rows[start : start + _PAGE])
            if any(person.get("name") == old for person in upload.effective_people)
        ]
        if page:
            yield page
