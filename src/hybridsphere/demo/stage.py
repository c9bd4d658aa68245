"""The material of a demo: videos, known faces, students, and the expected answers."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hybridsphere.commands.roster import read_students
from hybridsphere.console import note
from hybridsphere.demo.clips import make_clips, make_photos, write_students
from hybridsphere.demo.options import DemoOptions
from hybridsphere.demo.people import missing_portraits
from hybridsphere.local.commands import load_gallery, run_command
from hybridsphere.workload.mapping import Expectations, read_mapping
from hybridsphere.workload.upload import files_below


@dataclass(frozen=True, slots=True)
class Stage:
    """The material on disk; `videos` are paths and keys."""

    videos: list[tuple[Path, str]]
    gallery: Path
    students: Path
    expectations: Expectations


async def set_stage(options: DemoOptions, folder: Path) -> Stage:
    """Take the files that the options name, and make the others in a folder.

    Raises CannotRun for a file that cannot be used.
    """
    for line in [*_lonely_options(options), *_missing_portraits(options)]:
        note(line)
    mapping = read_mapping(options.mapping) if options.mapping else {}
    if options.students:
        read_students(options.students)
    # A child process reads the faces, while a thread of this process makes the clips.
    gallery, (videos, expectations) = await asyncio.gather(
        _gallery(options.encodings, folder), asyncio.to_thread(_videos, options, folder)
    )
    return Stage(
        videos=videos,
        gallery=gallery,
        students=options.students or _students(folder),
        expectations={**expectations, **mapping},
    )


def _lonely_options(options: DemoOptions) -> Iterator[str]:
    """List options that want another one beside them."""
    if options.videos and not options.encodings:
        yield (
            "--videos without --encodings: only the people of the demo's own clips are known, "
            "others end as unknown_face; `hybridsphere enroll` makes known faces of photos"
        )
    if options.encodings and not options.students:
        yield (
            "--encodings without --students: only the students of the demo's own clips have a "
            "record, others end as no_record"
        )


def _missing_portraits(options: DemoOptions) -> Iterator[str]:
    """Report that faces of the demo's own people are replaced by others."""
    if (missing := missing_portraits()) and not (options.videos and options.encodings):
        yield (
            f"{', '.join(missing)}: not fetched, so small grey faces replace these portraits; "
            "`make setup` fetches them"
        )


def _videos(options: DemoOptions, folder: Path) -> tuple[list[tuple[Path, str]], Expectations]:
    if options.videos:
        return files_below(options.videos), {}
    clips = make_clips(_new(folder / "clips"))
    files = [(clip.file, clip.key) for clip in clips]
    if options.encodings or options.students:
        # The gallery or the table does not know the people of the clips.
        return files, {}
    return files, {clip.key: clip.expected(options.mode) for clip in clips}


def _students(folder: Path) -> Path:
    file = folder / "students.json"
    write_students(file)
    return file


async def _gallery(encodings: Path | None, folder: Path) -> Path:
    """Return the known faces in the form that the function reads."""
    if encodings:
        return await load_gallery(encodings, folder)
    photos, gallery = _new(folder / "photos"), folder / "gallery.npz"
    make_photos(photos)
    await run_command("enroll", str(photos), "-o", str(gallery))
    return gallery


def _new(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
