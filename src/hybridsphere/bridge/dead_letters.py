"""The dead-letter queue: messages that can never succeed."""

import structlog

from hybridsphere.aws import AwsError, Message, Queue
from hybridsphere.bridge.queue.poller import Disposition
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.messages import LONGEST_TEXT

log = structlog.get_logger()

MOST_BYTES = 1024 * 1024
"""SQS's limit on body and attributes together: contents, names and types."""

_CUT_BYTES = MOST_BYTES - 4 * LONGEST_TEXT - 100
"""Length of a body that cannot stay whole, which leaves room for the reason."""


class DeadLetters:
    """The dead-letter queue, or, where none is named, the redrive of the queue itself."""

    def __init__(self, queue: Queue | None, metrics: Metrics, health: Health) -> None:
        self._queue = queue
        self._metrics = metrics
        self._health = health

    def note_accepted(self, source: str) -> None:
        """Record a good message: the rejected ones before it were at fault themselves."""
        self._health.note_success(f"{source} messages")

    async def reject(
        self, source: str, message: Message, reason: str, body: str | None = None
    ) -> Disposition:
        """Store a message that can never succeed, if there is a queue for it; log and count it.

        `body` is the part of the message that is at fault, by default all of it.
        """
        named = {"queue": source, "message_id": message.id}
        self._health.note_failure(f"{source} messages", message.id, reason)
        if self._queue:
            letter = message.body if body is None or not _fits(body) else body
            if not _fits(letter):
                # A server other than SQS has handed over more than SQS takes.
                letter = letter.encode()[:_CUT_BYTES].decode(errors="ignore")
            try:
                await self._queue.send(letter, _attributes(letter, source, reason))
            except AwsError as error:
                # Nothing is lost: SQS delivers the message again. Another bridge may receive it
                # then, so this one cannot see the end of a trouble.
                self._metrics.rejects_failed.labels(source).inc()
                log.warning("reject.failed", **named, reason=str(error), rejected_for=reason)
                return Disposition.LEAVE
        self._metrics.rejected.labels(source).inc()
        log.error("message.rejected", **named, reason=reason, stored=self._queue is not None)
        return Disposition.DELETE if self._queue else Disposition.LEAVE


def _fits(body: str) -> bool:
    """Tell whether SQS takes a body; the bad part of a message may be longer than the message."""
    return len(body) * 4 <= MOST_BYTES or len(body.encode()) <= MOST_BYTES


def _attributes(body: str, source: str, reason: str) -> dict[str, str]:
    """Give the queue and the reason, as far as the body leaves room for them.

    The body stays whole: a part of it could not be put back.
    """
    room = MOST_BYTES - len(body.encode())
    attributes: dict[str, str] = {}
    for name, text in (("queue", source), ("reason", _printable(reason))):
        room -= len(name) + len("String")
        if fitting := text.encode()[: max(0, room)].decode(errors="ignore"):
            attributes[name] = fitting
            room -= len(fitting.encode())
    return attributes


def _printable(reason: str) -> str:
    """Make a text that SQS accepts as an attribute: printable, and cut to LONGEST_TEXT."""
    return "".join(c if c.isprintable() else "?" for c in reason)[:LONGEST_TEXT]
