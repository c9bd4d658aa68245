"""The end of every message that is done: deleted in a batch with others, and let go."""

import asyncio
from collections.abc import Sequence

import structlog

from hybridsphere.aws import BATCH, AwsError, Queue, ReceiptGone
from hybridsphere.bridge.batching import Gatherer
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.pacing.circuit import Turns
from hybridsphere.bridge.queue.in_flight import Holdings
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import QueueMetrics

LINGER_S = 0.02
"""How long a deletion waits for others to go with it: nobody waits for it, and a call is dear."""

CALLS = 3
"""Batches under way at once: one whose answer is lost holds up no other."""

log = structlog.get_logger()


class Deletes:
    """Deletes messages of a queue that are held, and lets each go once it is deleted.

    What SQS does not delete is held meanwhile, and tried again: let go, it would come again and be
    handled for nothing. What fails by itself waits apart, in the way of no other, and is given up
    once it comes again all the same: SQS lets a message be held for twelve hours at most.
    """

    def __init__(
        self, name: str, queue: Queue, holdings: Holdings, *, health: Health, counts: QueueMetrics
    ) -> None:
        self._name = name
        self._queue = queue
        self._holdings = holdings
        self._health = health
        self._counts = counts
        self._waiting: Gatherer[str] = Gatherer(size=BATCH, linger_s=LINGER_S)
        self._room = asyncio.Semaphore(CALLS)
        self._turns = Turns()
        self._again: Gatherer[str] = Gatherer(size=BATCH)
        # All that failed by themselves: those, and the batch of them that is under way.
        self._failing: set[str] = set()

    def add(self, receipt_handle: str) -> None:
        """Have a message deleted."""
        self._waiting.add(receipt_handle)

    async def run(self) -> None:
        """Delete batch after batch, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._delete_waiting())
            tasks.create_task(self._delete_again())

    async def _delete_waiting(self) -> None:
        async with asyncio.TaskGroup() as calls:
            while True:
                await self._room.acquire()
                batch = await self._waiting.batch()
                taken = await self._turns.take()
                calls.create_task(self._delete_batch(batch, taken))

    async def _delete_batch(self, batch: Sequence[str], taken: float) -> None:
        try:
            await self._delete(batch)
        except AwsError as error:
            # It holds up the next batch too, so that all wait as one.
            self._turns.failed(error, taken)
            self._put_off(batch, self._waiting, error)
        else:
            self._turns.answered()
        finally:
            self._room.release()

    async def _delete_again(self) -> None:
        backoff = Backoff()
        failure: AwsError | None = None
        while True:
            batch = await self._again.batch()
            await backoff.wait(failure)
            try:
                failure = await self._delete(batch)
            except AwsError as error:
                self._put_off(batch, self._again, error)
                failure = error
            if failure is None:
                backoff.reset()

    async def _delete(self, handles: Sequence[str]) -> AwsError | None:
        """Delete a batch; why one of it is to be tried again by itself, if any is."""
        outcomes = await self._queue.delete(handles)
        self._counts.deleted.inc(outcomes.count(None))
        again: AwsError | None = None
        for handle, failure in zip(handles, outcomes, strict=True):
            if failure is None:
                self._let_go(handle)
            elif isinstance(failure, ReceiptGone):
                # The message comes again, to no effect.
                self._warn("delete.failed", handle, failure)
                self._let_go(handle)
            elif self._holdings.is_over(handle):
                # So does this one, with a receipt that may be better.
                self._warn("delete.given_up", handle, failure)
                self._let_go(handle)
            else:
                again = failure
                self._failing.add(handle)
                self._put_off([handle], self._again, failure)
        if not self._failing:
            self._health.clear(f"{self._name} queue deletes")
        return again

    def _put_off(self, handles: Sequence[str], line: Gatherer[str], failure: AwsError) -> None:
        """Have messages tried again, after those that wait in a line."""
        self._health.report(f"{self._name} queue deletes", str(failure))
        for handle in handles:
            self._warn("delete.failed", handle, failure)
            line.add(handle)

    def _warn(self, event: str, handle: str, failure: AwsError) -> None:
        self._counts.deletes_failed.inc()
        message_id = self._holdings.message_id(handle)
        log.warning(event, queue=self._name, message_id=message_id, reason=str(failure))

    def _let_go(self, handle: str) -> None:
        self._failing.discard(handle)
        self._holdings.let_go(handle)
