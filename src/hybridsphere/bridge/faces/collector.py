"""Debts paid: faces go from the output bucket into the memory, beside the results.

A debt is a row of the ledger, written with its result. The loop works through the debts with
bounded concurrency, also those of an earlier process, and holds up no result.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NoReturn, TypeVar

import structlog
from aiofiles.os import wrap

from hybridsphere.aws import AwsError, Refused
from hybridsphere.bridge.batching import Batcher
from hybridsphere.bridge.faces.arrival import DISK, Arrival, Kept, Unkept
from hybridsphere.bridge.faces.fetcher import Fetcher
from hybridsphere.bridge.faces.keeper import Keeper
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.pacing.circuit import Circuit
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.ledger.debts import Debt
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.messages import utc_text

CONCURRENCY = 16
"""Objects that are fetched or wait to be kept; each may take 2 MB of memory."""

PAGE = 4 * CONCURRENCY
"""Debts that one look at the ledger finds."""

COUNT_EVERY_S = 10.0

BUSY_PER_S = 300
"""Results a second above which they come first: faces and results share one core."""

PAUSE = 4
"""Times as long as the faces worked that they pause while results come first."""

LONGEST_PAUSE_S = 1.0

GATHER_S = 0.05
"""How long new debts are gathered: a look at the ledger costs as much as a result."""

IDLE_S = 5.0
"""Time between two looks at the ledger while no result brings a debt."""

LONGEST_WAIT_S = 60
"""Longest time between two tries to fetch one object."""

WITNESSES = 3
"""Tries before an object is refused whose ETag is the digest of other content: a proxy's page."""

GIVE_UP_DAYS = 31
"""After this the lifecycle of the bucket has deleted every object."""

CLOSE_S = 1.0
"""How long a stop waits until the memory is closed."""

SWEEP_EVERY_S = 3600.0

Answer = TypeVar("Answer")

log = structlog.get_logger()


class FacesCollector:
    """The debts of one bridge."""

    def __init__(
        self,
        store: ResultStore,
        fetcher: Fetcher,
        keeper: Keeper,
        *,
        health: Health,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._keeper = keeper
        self._health = health
        self._metrics = metrics
        # Results never wait for this thread.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="faces")
        self._batcher: Batcher[Arrival, Kept | Unkept] = Batcher(self._keep, size=CONCURRENCY)
        self._circuit = Circuit(in_place=True)
        self._running: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._ended = asyncio.Event()
        self._counted_at = 0.0
        # Debts whose object is refused to us, as without a permission.
        self._refused: set[tuple[str, str, str]] = set()

    async def run(self) -> None:
        """Pay debts until cancelled; those under way are debts again at the next start."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._batcher.run())
                tasks.create_task(self._feed(tasks))
                tasks.create_task(self._sweep())
        finally:
            closing = asyncio.wrap_future(self._thread.submit(self._keeper.close))
            self._thread.shutdown(wait=False)
            await asyncio.wait([closing], timeout=CLOSE_S)

    async def _feed(self, tasks: asyncio.TaskGroup) -> NoReturn:
        """Start a task for each debt that is due, up to the bound."""
        while True:
            self._store.owed.clear()
            began, before = time.monotonic(), self._store.stored
            due: list[Debt] = await self._store.change(partial(_due, most=PAGE))
            await self._count(len(due))
            for debt in due:
                while len(self._running) >= CONCURRENCY:
                    self._ended.clear()
                    await self._ended.wait()
                name = (debt.bucket, debt.key, debt.version)
                if name not in self._running:
                    self._running[name] = tasks.create_task(self._pay(name, debt))
            if due:
                # At least one must end, or the same debts would be found again.
                self._ended.clear()
                await self._ended.wait()
                await self._give_way(time.monotonic() - began, self._store.stored - before)
            else:
                await self._derive()
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._store.owed.wait()
                await asyncio.sleep(GATHER_S)

    async def _give_way(self, worked_s: float, results: int) -> None:
        """Pause while many results arrive; the debts are paid when fewer do."""
        if results > BUSY_PER_S * worked_s:
            await asyncio.sleep(min(LONGEST_PAUSE_S, PAUSE * worked_s))

    async def _count(self, due: int) -> None:
        """Set the figure of debts; they are counted only now and then."""
        if due < PAGE:
            self._metrics.faces_due.set(due)
        elif time.monotonic() - self._counted_at > COUNT_EVERY_S:
            self._metrics.faces_due.set(await self._store.change(Ledger.count_due))
            self._counted_at = time.monotonic()

    async def _pay(self, name: tuple[str, str, str], debt: Debt) -> None:
        try:
            kept = await self._fetch(name, debt)
            if kept is None:
                return
            note = kept.note if isinstance(kept, Unkept) else None
            await self._store.change(lambda ledger: ledger.pay(debt, note))
            self._note(debt, kept)
        except AwsError as error:
            await self._postpone(name, debt, error)
        except Exception:
            log.exception("faces.unhandled", bucket=debt.bucket, key=debt.key)
            await self._store.change(partial(_postpone, debt=debt))
        finally:
            del self._running[name]
            self._ended.set()

    async def _fetch(self, name: tuple[str, str, str], debt: Debt) -> Kept | Unkept | None:
        """Bring a debt's faces into the memory; None if the object must be fetched again."""
        if debt.faces_key is None:
            return await self._batcher.submit(Arrival(debt, None))
        began = await self._circuit.enter()
        try:
            found = await self._fetcher.fetch(debt)
        except AwsError as error:
            self._circuit.failed(error, began)
            raise
        self._circuit.answered(began)
        self._refused.discard(name)
        if not self._refused:
            self._health.worked("faces", began)
        if isinstance(found, Unkept):
            await self._derive_without(debt)
            return found
        kept = await self._batcher.submit(Arrival(debt, found.content))
        if isinstance(kept, Unkept) and found.doubtful and debt.tries < WITNESSES - 1:
            await self._store.change(partial(_postpone, debt=debt))
            return None
        return kept

    async def _derive_without(self, debt: Debt) -> None:
        """Derive the answer of a later attempt whose faces will never come."""
        if debt.attempt > 1:
            await self._batcher.submit(Arrival(debt, None))

    async def _postpone(self, name: tuple[str, str, str], debt: Debt, error: AwsError) -> None:
        """Note a failed call; after a month the object is gone for certain."""
        self._metrics.faces_objects.labels("failed").inc()
        self._health.report("faces", str(error))
        if isinstance(error, Refused):
            self._refused.add(name)
        if debt.since < utc_text(datetime.now(UTC) - timedelta(days=GIVE_UP_DAYS)):
            unkept = Unkept.refused(str(error))
            await self._derive_without(debt)
            await self._store.change(lambda ledger: ledger.pay(debt, unkept.note))
            self._note(debt, unkept)
            self._refused.discard(name)
        else:
            await self._store.change(partial(_postpone, debt=debt))

    def _note(self, debt: Debt, kept: Kept | Unkept) -> None:
        named = {"bucket": debt.bucket, "key": debt.key, "version": debt.version}
        if isinstance(kept, Unkept):
            self._metrics.faces_objects.labels(kept.outcome).inc()
            log.warning("faces.not_kept", **named, reason=kept.note)
        elif debt.faces_key:
            self._metrics.faces_objects.labels("kept").inc()
            self._metrics.faces_stored.inc(kept.faces)
            log.info("faces.kept", **named, faces=kept.faces)

    async def _keep(self, arrivals: Sequence[Arrival]) -> list[Kept | Unkept]:
        kept = await self._persist(partial(self._keeper.keep, arrivals))
        await self._derive()
        return kept

    async def _derive(self) -> None:
        """Derive the answers that new faces, or a command that crashed, have left stale."""
        while answers := await self._persist(self._keeper.derive):
            log.info("answers.derived", answers=answers)

    async def _sweep(self) -> NoReturn:
        """Remove old faces at once, then every hour."""
        while True:
            total = 0
            while faces := await self._persist(self._keeper.expire):
                total += faces
            if total:
                self._metrics.faces_expired.inc(total)
                log.info("faces.expired", faces=total)
            await asyncio.sleep(SWEEP_EVERY_S)

    async def _persist(self, work: Callable[[], Answer]) -> Answer:
        """Run work in the thread until the disk takes it; results go on meanwhile."""
        backoff = Backoff()
        while True:
            try:
                answer: Answer = await wrap(work)(executor=self._thread)
            except DISK as error:
                self._metrics.storage_errors.inc()
                self._health.report("memory", f"{type(error).__name__}: {error}")
                await backoff.wait(error)
            else:
                self._health.clear("memory")
                return answer


def _due(ledger: Ledger, *, most: int) -> list[Debt]:
    return ledger.due(utc_text(), most)


def _postpone(ledger: Ledger, *, debt: Debt) -> None:
    wait_s = min(LONGEST_WAIT_S, 2**debt.tries)
    ledger.postpone(debt, utc_text(datetime.now(UTC) + timedelta(seconds=wait_s)))
