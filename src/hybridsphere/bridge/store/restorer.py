"""The CSV files that the ledger has and the disk has not: written again at the start."""

from functools import partial

import structlog

from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.store.writer import Name, Restored, Submit, Writer
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics

MOST_BLOCKED = 100
"""Blocked places that are named and tried again. One file can block the folder of a million."""

log = structlog.get_logger()


class Restorer:
    """Writes missing files; `change` runs a change in the writer's thread."""

    def __init__(self, writer: Writer, change: Submit, *, health: Health, metrics: Metrics) -> None:
        self._writer = writer
        self._change = change
        self._health = health
        self._metrics = metrics
        # The health's name for each blocked place.
        self._blocked: dict[Name, str] = {}

    async def run(self) -> None:
        """Return once every file is there; a blocked place delays no other file."""
        try:
            while await self._sweep():
                await self._retry()
        finally:
            for part in self._blocked.values():
                self._health.clear(part)

    async def _sweep(self) -> bool:
        """Try every name once; True if some places are blocked."""
        after = ("", "")
        while True:
            page: Restored = await self._change(partial(self._writer.restore_page, after=after))
            if not page.names:
                break
            self._note(page)
            after = page.names[-1]
        self._report()
        return bool(self._blocked)

    async def _retry(self) -> None:
        """Try the blocked places until all are free."""
        backoff = Backoff()
        while self._blocked:
            await backoff.wait()
            names = list(self._blocked)
            self._note(await self._change(partial(self._writer.restore, names=names)))
            self._report()

    def _note(self, restored: Restored) -> None:
        if restored.blocked:
            self._metrics.storage_errors.inc()
        for name in restored.names:
            if error := restored.blocked.get(name):
                if name in self._blocked or len(self._blocked) < MOST_BLOCKED:
                    part = self._blocked.setdefault(name, f"file {error.filename}")
                    self._health.report(part, str(error))
            elif part := self._blocked.pop(name, ""):
                self._health.clear(part)

    def _report(self) -> None:
        written, self._writer.restored = self._writer.restored, 0
        if written:
            log.info("files.restored", files=written)
