"""The page's parts, and how one request reaches the files."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from aiohttp import web
from jinja2 import Environment

from hybridsphere.page.archive import Archive
from hybridsphere.page.aside import Aside
from hybridsphere.page.faces import Faces
from hybridsphere.page.known import KnownPeople
from hybridsphere.page.observer import Observer, State
from hybridsphere.page.security import Gate
from hybridsphere.page.words import Words
from hybridsphere.settings import Settings

READERS = 4
"""Requests that read the files at once; others wait, so that a crowd costs no memory."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shelf:
    """The files of the results folder, open for one request; `faces` may be missing."""

    archive: Archive
    faces: Faces | None
    index: Words
    state: State
    settings: Settings
    people: KnownPeople

    @property
    def bucket(self) -> str:
        """The bucket of the uploads in this folder."""
        return self.settings.input_bucket or self.archive.owner("") or ""


@dataclass(slots=True)
class Site:
    """The parts that requests use."""

    settings: Settings
    gate: Gate
    index: Words
    state: State
    observer: Observer
    templates: Environment
    readers: ThreadPoolExecutor
    people: KnownPeople
    aside: Aside

    async def read(
        self, work: Callable[Concatenate[Shelf, P], T], *given: P.args, **named: P.kwargs
    ) -> T:
        """Run a reader in a thread, with the files open. Raises LedgerError."""

        def run() -> T:
            folder = self.settings.results_dir
            with Archive.read(folder) as archive, Faces.of(folder) as faces:
                shelf = Shelf(archive, faces, self.index, self.state, self.settings, self.people)
                return work(shelf, *given, **named)

        return await asyncio.get_running_loop().run_in_executor(self.readers, run)


SITE = web.AppKey("site", Site)
