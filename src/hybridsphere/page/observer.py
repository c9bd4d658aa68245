"""The state of bridge and ledger, followed as it changes.

One connection notices commits of other processes, by a number that SQLite keeps in shared memory.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from hybridsphere.commands.bridge_client import BridgeHealth, ask_bridge
from hybridsphere.commands.status import Uploads
from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import LedgerError
from hybridsphere.memory.memory import memory_path
from hybridsphere.messages import utc_text
from hybridsphere.page.archive import Archive
from hybridsphere.page.faces import Faces
from hybridsphere.page.words import Words
from hybridsphere.troubles import Trouble

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")

LOOK_S = 0.25
"""Time between two looks at the ledger's number of changes."""

ASK_S = 2.0
"""Time between two questions to the bridge."""

CHANGED = 5000
"""Changed rows of one status that one look reads; the next look reads on."""


@dataclass(frozen=True, slots=True)
class Since:
    """A trouble, and when this page saw it first."""

    trouble: Trouble
    since: str


@dataclass(slots=True)
class State:
    """The last known state.

    `latest` counts the results of the last day by status, `unknown` the groups of strangers;
    `ledger` and `memory` are the reasons why
    they cannot be read, or empty.
    """

    bridge: BridgeHealth = field(default_factory=lambda: BridgeHealth([]))
    uploads: Uploads | None = None
    latest: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0
    ledger: str = ""
    memory: str = ""
    troubles: list[Since] = field(default_factory=list)
    serial: int = 0

    @property
    def waiting(self) -> int:
        """The number of uploads without a result."""
        waiting = self.uploads.waiting if self.uploads else None
        return waiting.invocation.count + waiting.result.count if waiting else 0


class Observer:
    """Follows a ledger and a bridge; `news` wakes every open page."""

    def __init__(
        self, results_dir: Path, bridge: tuple[str, int] | None, index: Words, state: State
    ) -> None:
        self._results_dir = results_dir
        self._bridge = bridge if bridge and bridge[1] else None
        self._index = index
        self.state = state
        self._news = asyncio.Condition()
        self._stored_until: dict[str, str] = {}
        self._row_until = 0
        self._answered_until = ""
        self._forgotten = 0

    async def run(self) -> None:
        """Follow until cancelled; a failure is logged, and followed by another try."""
        while True:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._follow())
                    tasks.create_task(self._ask())
            except* Exception:
                log.exception("observer.failed")
            await asyncio.sleep(4 * LOOK_S)

    async def news(self, serial: int, within_s: float) -> int:
        """Wait for a state newer than `serial`; return its serial, the same if none came."""
        try:
            async with asyncio.timeout(within_s), self._news:
                await self._news.wait_for(lambda: self.state.serial != serial)
        except TimeoutError:
            pass
        return self.state.serial

    async def announce(self) -> None:
        """Wake everybody who waits for news."""
        async with self._news:
            self.state.serial += 1
            self._news.notify_all()

    async def _ask(self) -> None:
        while self._bridge:
            health = await asyncio.to_thread(ask_bridge, self._bridge)
            if health != self.state.bridge:
                self.state.bridge = health
                self._note_troubles()
                await self.announce()
            await asyncio.sleep(ASK_S)

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_one_ledger()
            except (LedgerError, OSError) as error:
                reason = str(error)
                if self.state.ledger != reason:
                    self.state.ledger, self.state.uploads = reason, None
                    self._note_troubles()
                    await self.announce()
            await asyncio.sleep(4 * LOOK_S)

    async def _follow_one_ledger(self) -> None:
        """Follow the ledger until another file has its name; raises LedgerError."""
        with ExitStack() as open_files:
            archive = await _finished(open_files.enter_context, Archive.read(self._results_dir))
            seen = -1
            while not archive.is_replaced():
                change = await _finished(archive.change)
                if change != seen:
                    seen = change
                    began = time.monotonic()
                    await _finished(self._look, archive)
                    await self.announce()
                    # A look may cost a fifth of the time at most, however busy the ledger is.
                    await asyncio.sleep(max(0.0, 4 * (time.monotonic() - began) - LOOK_S))
                if not await _finished(self._index.cover, archive):
                    await asyncio.sleep(LOOK_S)
                else:
                    await asyncio.sleep(0.01)

    def _look(self, archive: Archive) -> None:
        """Read the figures again, and index the changed rows."""
        state = self.state
        state.uploads = Uploads.of(archive)
        state.latest = archive.count_since(hours_ago(24))
        state.unknown, forgotten = self._of_memory()
        if forgotten != self._forgotten:
            # The index has names of people who were forgotten meanwhile.
            self._index.clear()
            self._forgotten = forgotten
        state.ledger, state.memory = "", self._memory_trouble()
        self._note_troubles()
        self._clear_if_outdated(archive)
        if self._index.covered is None:
            # Existing rows are read between the looks, the newest first.
            self._row_until = archive.last_row()
            self._stored_until = archive.last_stored_of()
            self._answered_until = utc_text()
            return
        added = archive.after(self._row_until, CHANGED)
        stored = archive.stored_since(self._stored_until, CHANGED)
        answered = archive.answered_since(self._answered_until, CHANGED)
        self._index.add([*added, *chain.from_iterable(stored.values()), *answered])
        self._answered_until = (
            answered[-1].upload.answer_at or "" if answered else (self._answered_until)
        )
        self._row_until = max((entry.row for entry in added), default=self._row_until)
        latest = {
            status: found[-1].upload.stored_at or "" for status, found in stored.items() if found
        }
        self._stored_until.update(latest)

    def _clear_if_outdated(self, archive: Archive) -> None:
        """Begin the index again after a VACUUM, which may renumber the rows."""
        if archive.last_row() < self._row_until:
            self._index.clear()

    def _memory_trouble(self) -> str:
        """Say why the memory cannot be read; empty if it can, or if there is no memory."""
        if not memory_path(self._results_dir).exists():
            return ""
        try:
            with Faces.read(self._results_dir) as faces:
                faces.count_groups()
        except CannotRun as error:
            return error.message
        return ""

    def _of_memory(self) -> tuple[int, int]:
        """Count the unknown people, and the last receipt of somebody who was forgotten."""
        try:
            with Faces.of(self._results_dir) as faces:
                return (faces.count_groups(), faces.last_receipt()) if faces else (0, 0)
        except CannotRun:
            return 0, self._forgotten

    def _note_troubles(self) -> None:
        state = self.state
        troubles = list(state.bridge.troubles)
        parts = {trouble.part for trouble in troubles}
        own = [
            Trouble(part, reason)
            for part, reason in (("ledger", state.ledger), ("memory", state.memory))
            if reason
        ]
        if state.uploads and state.uploads.trouble:
            own.append(state.uploads.trouble)
        # The bridge may have reported the same part.
        troubles += [trouble for trouble in own if trouble.part not in parts]
        before = {one.trouble.part: one.since for one in state.troubles}
        state.troubles = [Since(one, before.get(one.part, utc_text())) for one in troubles]


async def _finished(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Run work in a thread, to its end even if cancelled: the file must stay open meanwhile."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *given, **named))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise


def hours_ago(hours: float) -> str:
    """Give a moment that has passed, as the ledger writes it."""
    return utc_text(datetime.now(UTC) - timedelta(hours=hours))
