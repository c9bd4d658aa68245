"""A bucket in place of a queue: its listing, read again and again.

One page is held at a time, however many objects there are. New objects are handed over, a bounded
number at once. The ledger knows the old ones, also after a restart. While calls about objects fail,
the objects are tried one after another, each once in a reading, so a bad object delays no other.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from hybridsphere.aws import AwsError, Bucket, Listed, Refused
from hybridsphere.bridge.bucket.lock import alone
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.pacing.circuit import Circuit
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.ledger.csv_files import Blocked

FASTEST_S = 1.0
SLOWEST_S = 30.0
"""Pauses between two readings: short while objects arrive, growing while none does."""

SLOWING = 1.5

log = structlog.get_logger()


class Watcher:
    """A loop that hands new objects of a bucket to `handle`, at most `most` at once.

    `new` chooses the objects of a page that were not handled before. `lock` is a file that one
    bridge of a host holds; `gate` returns when new objects may be handled.
    """

    def __init__(
        self,
        name: str,
        bucket: Bucket,
        *,
        new: Callable[[Sequence[Listed]], Awaitable[Sequence[Listed]]],
        handle: Callable[[Listed], Awaitable[None]],
        most: int,
        lock: Path,
        gate: Callable[[], Awaitable[None]],
        health: Health,
        metrics: Metrics,
    ) -> None:
        self._name = name
        self._bucket = bucket
        self._new = new
        self._handle = handle
        self._lock = lock
        self._gate = gate
        self._health = health
        self._counts = metrics.of_bucket(name)
        self._room = asyncio.Semaphore(most)
        self._most = most
        # Held without room: they wait for something that concerns them alone.
        self._aside: set[Listed] = set()
        self._held: dict[Listed, asyncio.Task[None]] = {}
        self._circuit = Circuit(in_place=True)
        self._handled = 0
        self._failed = 0
        # Objects whose last attempt failed; their trouble lasts while one is under way again.
        self._failing: set[Listed] = set()
        self._passing: AwsError | None = None

    def set_aside(self, found: Listed) -> bool:
        """Free the room of an object that is held further; False if too many are set aside."""
        if found in self._aside:
            return True
        if len(self._aside) >= self._most:
            return False
        self._aside.add(found)
        self._room.release()
        return True

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Watch until `stop`; then finish the objects under way, within `drain_s` seconds.

        The next start finds the unfinished ones again.
        """
        # The lock is kept until all is drained: objects under way look new to the next bridge.
        async with AsyncExitStack() as locked, asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(locked))
            await stop.wait()
            watching.cancel()
            log.info("bucket.draining", bucket=self._bucket.name, held=len(self._held))
            if self._held:
                await asyncio.wait(self._held.values(), timeout=drain_s)
            left = list(self._held.values())
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            log.info("bucket.drained", bucket=self._bucket.name, left=len(left))

    async def _watch(self, locked: AsyncExitStack) -> None:
        await locked.enter_async_context(alone(self._lock))
        backoff = Backoff()
        pause_s = FASTEST_S
        handled = failed = 0
        while True:
            started = _now()
            try:
                await self._read()
            except AwsError as error:
                self._health.report(self._part, str(error))
                await backoff.wait(error)
                continue
            # A failed object that was not found again is gone; one that was is held again.
            self._failing &= self._held.keys()
            if self._failed == failed and not self._failing:
                self._health.clear(self._part)
            # Objects that failed are found again each time; they do not shorten the pause.
            busy = self._handled > handled or (bool(self._held) and self._failed == failed)
            handled, failed = self._handled, self._failed
            if self._passing:
                # The service may recover any moment; the failed objects then wait a short time.
                passing, self._passing = self._passing, None
                await backoff.wait(passing)
                continue
            backoff.reset()
            pause_s = FASTEST_S if busy else min(SLOWEST_S, pause_s * SLOWING)
            # A long listing costs, so reading takes about half of the time at most.
            pause_s = min(SLOWEST_S, max(pause_s, _now() - started))
            await asyncio.sleep(pause_s * random.uniform(0.8, 1))  # noqa: S311

    async def _read(self) -> None:
        """Go through the listing once."""
        async for page in self._bucket.pages():
            await self._gate()
            for found in await self._new([one for one in page if one not in self._held]):
                await self._room.acquire()
                self._hold(found, await self._circuit.enter())

    def _hold(self, found: Listed, began: float) -> None:
        self._counts.found.inc()
        self._counts.in_flight.inc()
        self._held[found] = asyncio.create_task(self._process(found, began))

    async def _process(self, found: Listed, began: float) -> None:
        try:
            await self._handle(found)
            self._handled += 1
            self._failing.discard(found)
            self._circuit.answered(began)
        except AwsError as error:
            # The object is new again at the next reading.
            self._note_failure(found, str(error))
            self._circuit.failed(error, began)
            if not isinstance(error, Refused):
                self._passing = error
            log.warning("object.failed", bucket=self._bucket.name, key=found.key, reason=str(error))
        except Blocked:
            # Too many wait for blocked places; those that wait tell which.
            self._failed += 1
        except Exception as error:
            self._note_failure(found, f"{type(error).__name__}: {error}")
            self._counts.unhandled.inc()
            log.exception("object.unhandled", bucket=self._bucket.name, key=found.key)
        finally:
            del self._held[found]
            self._counts.in_flight.dec()
            if found in self._aside:
                self._aside.discard(found)
            else:
                self._room.release()

    def _note_failure(self, found: Listed, reason: str) -> None:
        self._failed += 1
        self._failing.add(found)
        self._health.report(self._part, reason)

    @property
    def _part(self) -> str:
        return f"{self._name} bucket"


def _now() -> float:
    return asyncio.get_running_loop().time()
