"""Where messages go that can never succeed."""

import structlog

from hybridsphere.aws import AwsError, Message, Queue
from hybridsphere.bridge.health import Health
from hybridsphere.bridge.metrics import Metrics
from hybridsphere.bridge.poller import Verdict

log = structlog.get_logger()

REASON_LENGTH = 500

BODY_BYTES = 1024 * 1024 - 4 * REASON_LENGTH - 100
"""What SQS takes of a message, body and attributes together, without our attributes."""


class DeadLetters:
    """The dead-letter queue, or, where none is named, the redrive of the queue itself."""

    def __init__(self, queue: Queue | None, health: Health, metrics: Metrics) -> None:
        self._queue = queue
        self._health = health
        self._metrics = metrics

    async def reject(self, source: str, message: Message, reason: str) -> Verdict:
        """Log and count a message that can never succeed, and store it if there is a place."""
        self._metrics.rejected.labels(source).inc()
        log.error(
            "message.rejected",
            queue=source,
            message_id=message.id,
            reason=reason,
            stored=self._queue is not None,
        )
        if self._queue is None:
            return Verdict.LEAVE
        try:
            await self._queue.send(
                _cut(message.body), {"reason": _attribute(reason), "queue": source}
            )
        except AwsError as error:
            # Nothing is lost: the message comes again, until its own queue gives it up.
            self._health.report("dead letters", str(error))
            return Verdict.LEAVE
        self._health.clear("dead letters")
        return Verdict.DONE


def _cut(body: str) -> str:
    """A body that leaves room for the reason: one as long as can be is better cut than refused."""
    if len(body) * 4 <= BODY_BYTES:
        return body
    return body.encode()[:BODY_BYTES].decode(errors="ignore")


def _attribute(reason: str) -> str:
    """A text as SQS takes it: printable, and not so long that the body has no room."""
    return "".join(c if c.isprintable() else "?" for c in reason)[:REASON_LENGTH]
