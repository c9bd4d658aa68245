"""The CSV files that the ledger has and the disk has not: written again at the start."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import structlog

from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.store.csv_files import Blocked, CsvFiles
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.ledger.ledger import Ledger

PAGE = 100
"""Files that are looked at in one change, so that results are stored between two."""

MOST_TAKEN = 100
"""Taken places that are told and tried again at once. Those beyond are looked for anew when one of
these is free: something in the way of a folder can be in the way of a million files."""

Name = tuple[str, str]
"""Bucket and key of an upload."""

Submit = Callable[[Callable[[Ledger], Any]], Awaitable[Any]]
log = structlog.get_logger()


class Restorer:
    """Writes missing files; `change` has the ledger changed in the one thread that writes files."""

    def __init__(
        self, files: CsvFiles, change: Submit, *, health: Health, metrics: Metrics
    ) -> None:
        self._files = files
        self._change = change
        self._health = health
        self._metrics = metrics
        # By name, what the trouble is called.
        self._taken: dict[Name, str] = {}
        # After which name the first one comes that is taken and not among those.
        self._beyond: Name | None = None
        self._written = 0

    async def run(self) -> None:
        """Return once every file is there; one whose place is taken holds up no other."""
        backoff = Backoff()
        try:
            await self._sweep(("", ""))
            self._tell()
            while self._taken:
                await backoff.wait()
                names = list(self._taken)
                self._note(names, await self._change(partial(self._write, names=names)))
                if self._beyond is not None and len(self._taken) < MOST_TAKEN:
                    await self._sweep(self._beyond)
                self._tell()
        finally:
            for part in self._taken.values():
                self._health.clear(part)

    async def _sweep(self, after: Name) -> None:
        """Try all names after one, in their order, and keep in mind those that are taken."""
        self._beyond = None
        while True:
            names, blocked = await self._change(partial(self._page, after=after))
            if not names:
                return
            self._note(names, blocked, before=after)
            after = names[-1]

    def _note(
        self, names: Sequence[Name], blocked: dict[Name, Blocked], before: Name | None = None
    ) -> None:
        """Take in what became of some names, of which `before` comes before."""
        if blocked:
            self._metrics.storage_errors.inc()
        for name in names:
            if error := blocked.get(name):
                self._keep(name, error, before)
            elif part := self._taken.pop(name, None):
                self._health.clear(part)

    def _keep(self, name: Name, error: Blocked, before: Name | None) -> None:
        if name in self._taken or len(self._taken) < MOST_TAKEN:
            part = self._taken.setdefault(name, f"file {error.filename}")
            self._health.report(part, str(error))
        elif self._beyond is None:
            self._beyond = before

    def _tell(self) -> None:
        if self._written:
            log.info("files.restored", files=self._written)
            self._written = 0

    # What follows runs in the thread.

    def _page(self, ledger: Ledger, *, after: Name) -> tuple[list[Name], dict[Name, Blocked]]:
        names = ledger.names(after=after, most=PAGE)
        return names, self._write(ledger, names)

    def _write(self, ledger: Ledger, names: Sequence[Name]) -> dict[Name, Blocked]:
        """Write what is missing; returns what is in the way of the rest."""
        blocked = {}
        for name in names:
            upload = ledger.newest(*name)
            content = ((upload and upload.csv) or "").encode()
            if upload is None or self._files.has(upload.key, content):
                continue
            try:
                self._files.write(upload.key, content)
                # Counted here: a change that shares its transaction with one at fault runs twice.
                self._written += 1
            except Blocked as error:
                blocked[name] = error
        return blocked
