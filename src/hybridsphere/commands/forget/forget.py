"""Forget a person: show everything, take it away, and search the remains."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from hybridsphere.aws.one_shot import client
from hybridsphere.commands.desk import Desk, usable_name
from hybridsphere.commands.forget.account import Account, Found, student_records
from hybridsphere.commands.forget.folder import ResultsFolder
from hybridsphere.commands.forget.galleries import InGallery, find_in, forget_in
from hybridsphere.commands.forget.trace import Trace
from hybridsphere.commands.lines import print_headline, print_json, print_pairs
from hybridsphere.memory.forgetting import Remembered
from hybridsphere.messages import faces_key
from hybridsphere.settings import Settings


@dataclass(slots=True)
class Kept:
    """Everything that was found of a person."""

    remembered: Remembered
    rows: list[int]
    files: list[Path]
    keys: int
    waiting: int
    objects: list[Found] = field(default_factory=list)
    galleries: list[InGallery] = field(default_factory=list)
    students: int = 0

    def counts(self) -> dict[str, int]:
        """Count what was found, by place; the person's name is not among it."""
        found = self.remembered
        return {
            "faces": len(found.faces),
            "mistaken_faces": len(found.mistaken),
            "scenes": len(found.videos),
            "words": len(found.words),
            "groups": len(found.groups),
            "records": len(found.records),
            "results": len(self.rows),
            "files": len(self.files),
            "objects": len(self.objects),
            "gallery_faces": sum(one.rows for one in self.galleries),
            "gallery_versions": sum(len(one.versions) for one in self.galleries),
            "students": self.students,
        }


@dataclass(frozen=True, slots=True)
class Search:
    """The outcome of a search of everything: names of places that still have the person."""

    files: int
    size: int
    objects: int
    left: list[str]


def run_forget(
    settings: Settings,
    name: str,
    console: Console,
    *,
    yes: bool,
    students: bool,
    galleries: Sequence[str],
    as_json: bool,
    report: Callable[[str], None],
) -> bool:
    """Print all traces of a person; with `yes` take it away. Returns whether nothing is left."""
    trace = Trace(usable_name(name))
    places = [*galleries, *filter(None, [settings.gallery])]
    with Desk.open(settings.results_dir) as desk:
        work = _Work(settings, desk, trace, list(dict.fromkeys(places)), students=students)
        kept, search = asyncio.run(work.run(yes=yes, report=report))
    if as_json:
        print_json(console, _fields(kept, search))
    else:
        _print(console, trace.names[0], kept, search, work)
    return search is not None and not search.left if yes else not any(kept.counts().values())


class _Work:
    """One run, with the places that it can reach."""

    def __init__(
        self, settings: Settings, desk: Desk, trace: Trace, places: list[str], *, students: bool
    ) -> None:
        self.bucket = settings.output_bucket
        self.table = settings.table
        self.with_students = students
        self._places = places
        self._trace = trace
        self._desk = desk
        self._folder = ResultsFolder(desk, trace)

    async def run(self, *, yes: bool, report: Callable[[str], None]) -> tuple[Kept, Search | None]:
        """Find everything; with `yes` take it away, then search again."""
        remembered, rows, files = self._folder.find()
        waiting = self._desk.ledger.waiting()
        kept = Kept(
            remembered,
            rows,
            files,
            self._folder.keys(),
            waiting.invocation.count + waiting.result.count + self._desk.ledger.count_due(),
        )
        async with self._account(self._faces_keys(remembered)) as account:
            await self._find(kept, account)
            if not yes:
                return kept, None
            # The gallery first: a video that comes meanwhile must not show the person again.
            for gallery in kept.galleries:
                await forget_in(gallery, self._trace, account)
            if account:
                for found in kept.objects:
                    await account.forget(found)
            if self.with_students and self.table:
                await student_records(self.table, self._trace, delete=True)
            self._folder.forget(remembered, rows, kept.counts())
            for file in self._folder.rewrite_files():
                report(f"{file} could not be changed: delete it yourself")
            self._folder.sweep()
            return kept, await self._search(account)

    async def _find(self, kept: Kept, account: Account | None) -> None:
        for place in self._places:
            kept.galleries.append(await find_in(place, self._trace, account))
        if account and self.bucket:
            kept.objects = await account.find(self.bucket)
        if self.table:
            kept.students = await student_records(self.table, self._trace, delete=False)

    async def _search(self, account: Account | None) -> Search:
        files, size, left = self._folder.search()
        objects = 0
        if account:
            account.searched = 0
        if account and self.bucket:
            found = await account.find(self.bucket)
            left += [f"s3://{one.bucket}/{one.version.key}" for one in found]
        for place in self._places:
            if not (again := await find_in(place, self._trace, account)).is_empty:
                left.append(again.place)
        if self.table and await student_records(self.table, self._trace, delete=False):
            left.append(f"table {self.table}")
        if keys := self._folder.keys():
            left.append(f"the keys of {keys} uploads, which whoever uploaded them has chosen")
        if account:
            objects = account.searched
        return Search(files, size, objects, sorted(set(left)))

    def _faces_keys(self, remembered: Remembered) -> set[str]:
        videos = map(self._desk.memory.video_of, remembered.videos)
        return {faces_key(video.key) for video in videos if video}

    @asynccontextmanager
    async def _account(self, faces_keys: set[str]) -> AsyncIterator[Account | None]:
        if not self.bucket and not any(place.startswith("s3://") for place in self._places):
            yield None
            return
        async with client("s3") as s3:
            yield Account(s3, self._trace, faces_keys)


_NAMES = {
    "faces": "faces, with pictures",
    "mistaken_faces": "faces mistaken for them",
    "scenes": "pictures of scenes",
    "words": "judgements",
    "groups": "names of groups",
    "records": "student records",
    "results": "results in the ledger",
    "files": "files",
    "objects": "objects in the bucket",
    "gallery_faces": "faces in galleries",
    "gallery_versions": "versions of galleries",
    "students": "records in the table",
}


def _print(console: Console, name: str, kept: Kept, search: Search | None, work: _Work) -> None:
    counts = [(_NAMES[place], f"{count:,}") for place, count in kept.counts().items() if count]
    if search is None:
        if not counts:
            print_headline(console, "ok", f"Nothing is kept of {name}.")
        else:
            hint = "--yes takes it away, and cannot be undone"
            print_headline(console, "note", f"This is kept of {name}:", hint)
            print_pairs(console, "would go", counts)
        for line in _limits(kept, work):
            print_headline(console, "note", line)
        return
    if counts:
        print_pairs(console, "taken away", counts)
    searched = f"{search.files:,} files ({search.size / 1e6:.1f} MB) and {search.objects:,} objects"
    if search.left:
        print_headline(console, "bad", f"Searched {searched}; still there:")
        print_pairs(console, "left", [(place, "has the name or a look") for place in search.left])
    else:
        print_headline(console, "ok", f"Searched {searched}: nothing is left.")
    for line in _limits(kept, work):
        print_headline(console, "note", line)


def _limits(kept: Kept, work: _Work) -> list[str]:
    """List what the command does not reach."""
    lines = ["Videos, backups, and exports elsewhere are not touched."]
    if not work.bucket:
        lines.append("HYBRIDSPHERE_OUTPUT_BUCKET is not set: no bucket was searched.")
    if kept.students and not work.with_students:
        lines.append("The student's record stays: --students deletes it.")
    if not kept.galleries:
        lines.append("No gallery was named: --gallery FILE, or s3://bucket/key.")
    if kept.waiting:
        lines.append(f"{kept.waiting:,} results are under way: run the command again after them.")
    return lines


def _fields(kept: Kept, search: Search | None) -> dict[str, Any]:
    found: dict[str, Any] = {"found": kept.counts(), "keys": kept.keys, "waiting": kept.waiting}
    if search:
        size = {"files": search.files, "bytes": search.size, "objects": search.objects}
        found |= {"searched": size, "left": search.left}
    return found
