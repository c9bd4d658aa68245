"""The deletion of messages that are done, in batches."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from hybridsphere.aws import SQS_BATCH, AwsError, Queue, ReceiptGone
from hybridsphere.bridge.batching import Gatherer
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.pacing.circuit import Circuit
from hybridsphere.bridge.queue.in_flight import InFlight
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import QueueMetrics

LINGER_S = 0.02
"""How long a deletion waits for others to share its call: no caller waits for it."""

CONCURRENT_DELETES = 3
"""Concurrent batches: a lost answer delays only its own batch."""

log = structlog.get_logger()


class Deleter:
    """The messages of a queue that are done, from their last handler to their deletion.

    A failed deletion is retried, and its message stays in flight: SQS would deliver it again, to
    no effect. A message that fails alone is retried apart from the others. It is given up once it
    is visible again anyway, since SQS hides a message for twelve hours at most.
    """

    def __init__(
        self, name: str, queue: Queue, in_flight: InFlight, *, health: Health, counts: QueueMetrics
    ) -> None:
        self._name = name
        self._queue = queue
        self._in_flight = in_flight
        self._health = health
        self._counts = counts
        self._waiting: Gatherer[str] = Gatherer(size=SQS_BATCH, linger_s=LINGER_S)
        self._room = asyncio.Semaphore(CONCURRENT_DELETES)
        self._circuit = Circuit()
        self._again: Gatherer[str] = Gatherer(size=SQS_BATCH)
        # Every message that failed alone, waiting or in a running batch.
        self._failing: set[str] = set()

    def add(self, receipt_handle: str) -> None:
        """Delete a message in one of the next batches."""
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
                began = await self._circuit.enter()
                calls.create_task(self._delete_batch(batch, began))

    async def _delete_batch(self, batch: Sequence[str], began: float) -> None:
        try:
            await self._delete(batch)
        except AwsError as error:
            # The open circuit delays the next batches too, so only one probes.
            self._circuit.failed(error, began)
            self._retry(batch, self._waiting, error)
        else:
            self._circuit.answered(began)
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
                self._retry(batch, self._again, error)
                failure = error
            if failure is None:
                backoff.reset()

    async def _delete(self, handles: Sequence[str]) -> AwsError | None:
        """Delete a batch; returns the error of a message to retry alone, if there is any."""
        began = time.monotonic()
        outcomes = await self._queue.delete(handles)
        self._counts.deleted.inc(outcomes.count(None))
        again: AwsError | None = None
        for handle, failure in zip(handles, outcomes, strict=True):
            if failure is None:
                self._let_go(handle)
            elif isinstance(failure, ReceiptGone):
                # SQS delivers the message again, to no effect.
                self._warn("delete.failed", handle, failure)
                self._let_go(handle)
            elif self._in_flight.is_visible(handle):
                # Its next receipt may be accepted.
                self._warn("delete.given_up", handle, failure)
                self._let_go(handle)
            else:
                again = failure
                self._failing.add(handle)
                self._retry([handle], self._again, failure)
        if not self._failing:
            self._health.worked(f"{self._name} queue deletes", began)
        self._in_flight.queue_answered(began)
        return again

    def _retry(self, handles: Sequence[str], line: Gatherer[str], failure: AwsError) -> None:
        """Queue failed deletions again, behind those that wait in a line."""
        self._health.report(f"{self._name} queue deletes", str(failure))
        for handle in handles:
            self._warn("delete.failed", handle, failure)
            line.add(handle)

    def _warn(self, event: str, handle: str, failure: AwsError) -> None:
        self._counts.deletes_failed.inc()
        message_id = self._in_flight.message_id(handle)
        log.warning(event, queue=self._name, message_id=message_id, reason=str(failure))

    def _let_go(self, handle: str) -> None:
        self._failing.discard(handle)
        self._in_flight.let_go(handle)
