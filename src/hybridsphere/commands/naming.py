"""A name for a group of unknown faces: in the memory, in all answers, and in a gallery."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console

from hybridsphere.commands.desk import Desk, usable_name
from hybridsphere.commands.faces import current_group, name_group, unname_group
from hybridsphere.commands.gallery_place import change_gallery
from hybridsphere.commands.lines import print_headline, print_json, print_line
from hybridsphere.errors import CannotRun
from hybridsphere.memory.memory import Memory
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import Embeddings, Space

MOST_LOOKS = 8
"""Looks of a group that a gallery gets: as many photographs as describe a person well."""


class _Named(NamedTuple):
    """The outcome of a naming.

    `answers` is None if they are late; `enrolled` counts the looks that the gallery got or lost.
    """

    group: int
    name: str | None
    faces: int
    answers: int | None
    enrolled: int
    gallery: str | None


def run_naming(
    folder: Path,
    console: Console,
    *,
    group: int,
    name: str | None,
    gallery: str | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Name a group, or without a name take its last one back; print the outcome."""
    with Desk.open(folder, by) as desk:
        if name is None:
            done = _unname(desk, group, gallery)
        else:
            done = _name(desk, group, usable_name(name), gallery)
    if as_json:
        print_json(console, done._asdict())
        return
    faces = _count(done.faces, "face")
    answers = "no answer" if done.answers is None else _count(done.answers, "answer")
    if done.name:
        print_headline(
            console, "ok", f"{faces} of group {done.group} now {_verb(done.faces)} {done.name}."
        )
        print_line(console, f"  {answers} derived again")
        print_line(console, f"  undo: hybridsphere faces name {done.group} --undo", "cyan")
    else:
        print_headline(console, "ok", f"{faces} of group {done.group} lost the name again.")
        print_line(console, f"  {answers} derived again")
    if done.gallery:
        verb = "added to" if done.name else "removed from"
        print_line(console, f"  {_count(done.enrolled, 'look')} {verb} {done.gallery}")


def _name(desk: Desk, number: int, name: str, gallery: str | None) -> _Named:
    looks: _Looks | None = None
    if gallery:
        # Before anything changes: a gallery of another engine would refuse them.
        looks = _best_looks(desk.memory, current_group(desk.memory, number))
        asyncio.run(_enroll(gallery, name, looks))
    group, faces, answers = name_group(desk, number, name, again=looks is not None)
    return _Named(group, name, len(faces), answers, len(looks.rows) if looks else 0, gallery)


def _unname(desk: Desk, number: int, gallery: str | None) -> _Named:
    group = current_group(desk.memory, number)
    name = desk.memory.grouping.name_of(group)
    count, answers = unname_group(desk, number)
    removed = 0
    if gallery and name:
        removed = asyncio.run(_remove(gallery, name, _all_looks(desk.memory, group)))
    return _Named(group, None, count, answers, removed, gallery)


class _Looks(NamedTuple):
    """Looks at one person, a row each, and the space that they are of."""

    rows: Embeddings
    space: Space


async def _enroll(place: str, name: str, looks: _Looks) -> None:
    def add(known: Gallery) -> Gallery:
        return known.plus(Gallery([name] * len(looks.rows), looks.rows, looks.space))

    await change_gallery(place, add)


async def _remove(place: str, name: str, looks: _Looks) -> int:
    """Remove those rows of a person that are looks of the group; returns how many."""
    ours = {row.tobytes() for row in looks.rows}
    removed = 0

    def drop(known: Gallery) -> Gallery:
        nonlocal removed
        rows = [
            at
            for at, (one, row) in enumerate(known.items())
            if one == name and row.tobytes() in ours
        ]
        removed = len(rows)
        return known.without_rows(rows)

    await change_gallery(place, drop)
    return removed


def _best_looks(memory: Memory, group: int) -> _Looks:
    """Choose the looks that show a group best: the usual look of each of its largest faces."""
    faces = memory.grouping.largest(group, MOST_LOOKS)
    rows = []
    for face in faces:
        looks = memory.looks(face)
        if looks is not None and len(looks):
            wide = looks.astype(np.float64)
            apart = np.linalg.norm(wide - wide.mean(axis=0), axis=1)
            rows.append(wide[int(apart.argmin())])
    return _Looks(_stacked(rows, group), _space_of(memory, faces, group))


def _all_looks(memory: Memory, group: int) -> _Looks:
    faces = memory.grouping.largest(group, 2**31)
    found = [looks for face in faces if (looks := memory.looks(face)) is not None]
    rows = [row for looks in found for row in looks.astype(np.float64)]
    return _Looks(_stacked(rows, group), _space_of(memory, faces, group))


def _stacked(rows: Sequence[Embeddings], group: int) -> Embeddings:
    if not rows:
        raise CannotRun(f"no look at a face of group {group} is kept")
    return np.stack(rows)


def _space_of(memory: Memory, faces: Sequence[int], group: int) -> Space:
    face = memory.face(faces[0])
    video = face and memory.video_of(face.video)
    if not video:
        raise CannotRun(f"no video of group {group} is kept")
    return Space(video.engine, video.digest, video.scale)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _verb(number: int) -> str:
    return "is" if number == 1 else "are"
