"""The answers that follow from what people said, in pieces, and after a crash."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from hybridsphere.errors import CannotRun
from hybridsphere.ledger.csv_files import CsvFiles
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.answers import derive_stale
from hybridsphere.memory.memory import Memory
from hybridsphere.page.faces import Faces
from hybridsphere.page.site import SITE, Site

_LOOK_S = 10.0
"""Time between two looks for answers that another process has left behind."""

log = structlog.get_logger()


def derive(site: Site, memory: Memory) -> int:
    """Let the answers of the first videos follow; returns how many there were."""
    folder = site.settings.results_dir
    with Ledger.open(folder) as ledger:
        files = CsvFiles(folder, _log_edited)
        files.prepare()
        return derive_stale(memory, ledger, files)


def _log_edited(key: str, copy: str) -> None:
    log.warning("file.edited", key=key, kept_as=copy)


async def keep_deriving(app: web.Application) -> AsyncIterator[None]:
    """Derive the remaining answers while the page runs."""
    following = asyncio.create_task(_derive_rest(app[SITE]))
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _derive_rest(site: Site) -> None:
    while True:
        try:
            if await asyncio.to_thread(_derive_next, site):
                continue
        except (CannotRun, OSError, sqlite3.Error) as error:
            log.warning("answers.late", reason=str(error))
        await site.observer.news(site.state.serial, _LOOK_S)
        await asyncio.sleep(1)


def _derive_next(site: Site) -> int:
    with Faces.of(site.settings.results_dir) as faces:
        if faces is None or not faces.stale(1):
            return 0
    with Memory.open(site.settings.results_dir) as memory:
        return derive(site, memory)
