"""Where messages go that can never succeed."""

import structlog

from hybridsphere.aws import AwsError, Message, Queue
from hybridsphere.bridge.queue.poller import Verdict
from hybridsphere.bridge.telemetry.metrics import Metrics

log = structlog.get_logger()

REASON_LENGTH = 500

BODY_BYTES = 1024 * 1024 - 4 * REASON_LENGTH - 100
"""What SQS takes of a message, body and attributes together, without our attributes."""


class DeadLetters:
    """The dead-letter queue, or, where none is named, the redrive of the queue itself."""

    def __init__(self, queue: Queue | None, metrics: Metrics) -> None:
        self._queue = queue
        self._metrics = metrics

    async def reject(self, source: str, message: Message, reason: str) -> Verdict:
        """Store a message that can never succeed, if there is a place; then log and count it."""
        named = {"queue": source, "message_id": message.id}
        if self._queue:
            attributes = {"reason": _attribute(reason), "queue": source}
            try:
                await self._queue.send(_cut(message.body), attributes)
            except AwsError as error:
                # Nothing is lost: the message comes again, until its own queue gives it up.
                # Perhaps to another bridge: it is no trouble, whose end we would not see.
                self._metrics.rejects_failed.labels(source).inc()
                log.warning("reject.failed", **named, reason=str(error), rejected_for=reason)
                return Verdict.LEAVE
        self._metrics.rejected.labels(source).inc()
        log.error("message.rejected", **named, reason=reason, stored=self._queue is not None)
        return Verdict.DONE if self._queue else Verdict.LEAVE


def _cut(body: str) -> str:
    """A body that leaves room for the reason: one as long as can be is better cut than refused."""
    if len(body) * 4 <= BODY_BYTES:
        return body
    return body.encode()[:BODY_BYTES].decode(errors="ignore")


def _attribute(reason: str) -> str:
    """A text as SQS takes it: printable, and not so long that the body has no room."""
    return "".join(c if c.isprintable() else "?" for c in reason)[:REASON_LENGTH]
