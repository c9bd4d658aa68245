"""The end of every message that is done: deleted in a batch with others, and let go."""

from collections.abc import Sequence

import structlog

from hybridsphere.aws import BATCH, AwsError, Queue, ReceiptGone
from hybridsphere.bridge.backoff import Backoff
from hybridsphere.bridge.gatherer import Gatherer
from hybridsphere.bridge.health import Health
from hybridsphere.bridge.holdings import Holdings
from hybridsphere.bridge.metrics import QueueMetrics

LINGER_S = 0.02
"""How long a deletion waits for others to go with it: nobody waits for it, and a call is dear."""

log = structlog.get_logger()


class Deletes:
    """Deletes messages of a queue that are held, and lets each go once it is deleted.

    What SQS does not delete is held meanwhile, and tried again: let go, it would come again and be
    handled for nothing.
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

    def add(self, receipt_handle: str) -> None:
        """Have a message deleted."""
        self._waiting.add(receipt_handle)

    async def run(self) -> None:
        """Delete batch after batch, until cancelled."""
        backoff = Backoff()
        while True:
            failure = await self._delete(await self._waiting.batch())
            if failure:
                # It holds up the next batch too, so that all wait as one.
                self._health.report(f"{self._name} queue deletes", str(failure))
                await backoff.wait(failure)
            else:
                self._health.clear(f"{self._name} queue deletes")
                backoff.reset()

    async def _delete(self, handles: Sequence[str]) -> AwsError | None:
        """Delete a batch, and add again what is to be tried again; why, if there is any."""
        try:
            outcomes: Sequence[AwsError | None] = await self._queue.delete(handles)
        except AwsError as error:
            outcomes = [error] * len(handles)
        self._counts.deleted.inc(outcomes.count(None))
        again: AwsError | None = None
        for handle, failure in zip(handles, outcomes, strict=True):
            if failure:
                self._note(failure, handle)
            if failure and not isinstance(failure, ReceiptGone):
                again = failure
                self.add(handle)
            else:
                # With its receipt gone the message comes again, to no effect.
                self._holdings.let_go(handle)
        return again

    def _note(self, failure: AwsError, handle: str) -> None:
        self._counts.deletes_failed.inc()
        message_id = self._holdings.message_id(handle)
        log.warning("delete.failed", queue=self._name, message_id=message_id, reason=str(failure))
