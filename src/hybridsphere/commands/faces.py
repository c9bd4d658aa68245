"""The faces that are kept: lists, pictures, and names for groups of unknown faces."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from hybridsphere.commands.desk import Desk, reading, usable_name
from hybridsphere.commands.lines import print_headline, print_json, print_line
from hybridsphere.commands.tables import print_table
from hybridsphere.errors import CannotRun
from hybridsphere.files import write_whole
from hybridsphere.memory.grouping import GroupSummary
from hybridsphere.memory.memory import Face, Memory, Video

_COLUMNS = ("FACE", "TIME", "PERSON", "HOW", "VIDEO")
_GROUP_COLUMNS = ("GROUP", "FACES", "VIDEOS", "FIRST", "LAST", "SHOWN BY FACE")


@dataclass(frozen=True, slots=True)
class FaceChoice:
    """The faces that are wanted; `since` and `until` are about the upload."""

    person: str | None = None
    certainty: str | None = None
    group: int | None = None
    key: str | None = None
    since: str = ""
    until: str = "~"
    most: int = 50


def list_faces(folder: Path, choice: FaceChoice, console: Console, *, as_json: bool) -> None:
    """Print the faces of a choice, the newest first; those of a video in their order."""
    with reading(folder) as memory:
        faces = _chosen(memory, choice)
        videos = {face.video: memory.video_of(face.video) for face in faces}
        if as_json:
            print_json(console, [_face_fields(face, videos[face.video]) for face in faces])
            return
        if not faces:
            print_headline(console, "note", "No face is kept that fits.")
            return
        print_table(console, _COLUMNS, [_row(face, videos[face.video]) for face in faces])
        if len(faces) == choice.most:
            print_line(console, f"hint: these are {len(faces)}; --limit shows more", "cyan")


def list_groups(folder: Path, choice: FaceChoice, console: Console, *, as_json: bool) -> None:
    """Print the groups of unknown faces, the largest first."""
    with reading(folder) as memory:
        groups = memory.grouping.summaries(since=choice.since, until=choice.until, most=choice.most)
    if as_json:
        print_json(console, [_group_fields(group) for group in groups])
        return
    if not groups:
        print_headline(console, "ok", "No face is unknown.")
        return
    print_table(console, _GROUP_COLUMNS, [_group_row(group) for group in groups])
    first = groups[0]
    print_line(
        console,
        f"hint: `hybridsphere faces picture {first.best_face} -o face.jpg` shows the first, "
        f"`hybridsphere faces name {first.id} NAME` names all its faces",
        "cyan",
    )


def save_picture(folder: Path, number: int, output: Path) -> int:
    """Write the picture of a face into a file, or `-` for standard output; returns its bytes."""
    if str(output) == "-" and sys.stdout.isatty():
        raise CannotRun(
            "a picture is not for a terminal",
            hint=f"hybridsphere faces picture {number} -o - > face.jpg",
        )
    with reading(folder) as memory:
        if memory.face(number) is None:
            raise CannotRun(
                f"no face {number} is kept", hint="`hybridsphere faces` lists faces with numbers"
            )
        picture = memory.picture(number)
    if picture is None:
        raise CannotRun(f"the picture of face {number} has expired, or was never kept")
    if str(output) == "-":
        sys.stdout.buffer.write(picture)
    else:
        write_whole(output, picture)
    return len(picture)


def name_group(
    desk: Desk, number: int, name: str, *, again: bool = False
) -> tuple[int, list[int], int | None]:
    """Name a group of unknown faces; `again` allows a group that has the name already.

    Returns the number that the group has by now, the faces that got the name, and how many answers
    changed with it, None if they are late.
    """
    name = usable_name(name)
    with desk.memory.transaction():
        group = current_group(desk.memory, number)
        again = again and desk.memory.grouping.name_of(group) == name
        faces = desk.memory.judgements.name_group(group, name, by=desk.by)
    if not faces and not again:
        raise CannotRun(
            f"no face of group {number} is unknown",
            hint=f"`hybridsphere faces --group {number}` lists its faces",
        )
    return group, faces, desk.follow()


def unname_group(desk: Desk, number: int) -> tuple[int, int | None]:
    """Take back the last name of a group; returns how many faces and answers that changed.

    The answers are None if they are late.
    """
    with desk.memory.transaction():
        group = current_group(desk.memory, number)
        count = desk.memory.judgements.unname_group(group, by=desk.by)
    if not count:
        raise CannotRun(f"group {number} has no name that could be taken back")
    return count, desk.follow()


def current_group(memory: Memory, number: int) -> int:
    """Return the group that has the faces of a group by now. Raises CannotRun."""
    group = memory.grouping.current(number)
    if group is None:
        raise CannotRun(
            f"there is no group {number}", hint="`hybridsphere faces --unknown` lists the groups"
        )
    return group


def person_text(face: Face) -> str:
    """Write who a face is, in a word or two."""
    if face.person:
        return face.person
    if face.group is not None:
        return f"unknown {face.group}"
    return "nobody" if face.said == "" else "unknown"


def how_text(face: Face) -> str:
    """Write how the person is known: said by people, or how sure the machine is."""
    return "said" if face.said is not None else face.certainty


def _chosen(memory: Memory, choice: FaceChoice) -> Sequence[Face]:
    if choice.key is not None:
        faces = memory.faces_of_key(choice.key)
        return [face for face in faces if choice.person in {None, face.person}]
    group = current_group(memory, choice.group) if choice.group is not None else None
    return memory.find(
        person=choice.person,
        certainty=choice.certainty,
        group=group,
        since=choice.since,
        until=choice.until,
        most=choice.most,
    )


def _row(face: Face, video: Video | None) -> list[str]:
    at = f"{face.at[:10]} {face.at[11:16]}"
    return [str(face.id), at, person_text(face), how_text(face), video.key if video else ""]


def _face_fields(face: Face, video: Video | None) -> dict[str, Any]:
    fields = {name: getattr(face, name) for name in Face.__slots__}
    place = {"bucket": video.bucket, "key": video.key, "version": video.version} if video else {}
    return {**fields, "person": face.person or None, **place}


def _group_row(group: GroupSummary) -> list[str]:
    name = f"{group.id} ({group.name}?)" if group.name else str(group.id)
    days = (group.first_at[:10], group.last_at[:10])
    return [name, f"{group.faces:,}", f"{group.videos:,}", *days, str(group.best_face)]


def _group_fields(group: GroupSummary) -> dict[str, Any]:
    return {name: getattr(group, name) for name in GroupSummary.__slots__}
