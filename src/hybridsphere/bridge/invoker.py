"""From an event to the function: one record, one invocation."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from hybridsphere.aws import (
    AwsError,
    Function,
    FunctionError,
    Message,
    Refused,
    Throttled,
)
from hybridsphere.bridge.dead_letters import DeadLetters
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.pacing.limiter import Limiter
from hybridsphere.bridge.queue.poller import Verdict
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import OUTCOMES, Metrics
from hybridsphere.messages import BadMessage, Result, S3Record, parse_s3_event, utc_text

_NEVER = {
    "InvalidRequestContentException",
    "RequestTooLargeException",
    # What Lambda calls it in fact; the other is the name in its documentation.
    "RequestEntityTooLargeException",
}
"""What Lambda says of an event that is at fault itself."""

LONG = 50_000
"""Characters of a message above which it has hundreds of records, or thousands."""

log = structlog.get_logger()


@dataclass
class Invoker:
    """The handler of the input queue and of the input bucket.

    Throttled and failing calls are made again until Lambda takes them. An attempt that ended in
    the function's own error is counted in the ledger; after `max_attempts` the upload is `failed`.
    Of the records in messages, at most `most` are under way at once: a message can have thousands.
    """

    function: Function
    bucket: str
    most: int
    max_attempts: int
    limiter: Limiter
    store: ResultStore
    dead_letters: DeadLetters
    health: Health
    metrics: Metrics

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.most)
        self._long = asyncio.Lock()
        self._outcomes = {name: self.metrics.invocations.labels(name) for name in OUTCOMES}
        self.metrics.limit.set_function(lambda: self.limiter.limit)

    async def invoke(self, record: S3Record) -> None:
        """Invoke the function for a record that the watcher found."""
        reason = await self._process(record, utc_text(), time.monotonic())
        if reason:
            await self.store.put([Result.failed(record, reason)])

    async def handle(self, message: Message) -> Verdict:
        """Invoke the function for each record; done when each has been accepted."""
        if len(message.body) <= LONG:
            return await self._handle(message)
        # One after another: they are long to read, and large once they are read.
        async with self._long:
            return await self._handle(message)

    async def _handle(self, message: Message) -> Verdict:
        received_at, started = utc_text(), time.monotonic()
        try:
            records = parse_s3_event(message.body)
        except BadMessage as error:
            return await self.dead_letters.reject("input", message, str(error))
        ours = [record for record in records if record.bucket == self.bucket]
        refused = await self._process_all(ours, received_at, started)
        if refused:
            return await self.dead_letters.reject("input", message, refused[0])
        foreign = {record.bucket for record in records} - {self.bucket}
        if foreign:
            reason = f"bucket is {', '.join(sorted(foreign))}, not {self.bucket}"
            return await self.dead_letters.reject("input", message, reason)
        return Verdict.DONE

    async def _process_all(
        self, records: Sequence[S3Record], received_at: str, started: float
    ) -> list[str]:
        """See records through; the reasons of those whose event Lambda will never take."""
        if len(records) == 1:
            async with self._room:
                reason = await self._process(records[0], received_at, started)
            return [reason] if reason else []
        refused: list[str] = []

        def end(task: asyncio.Task[str | None]) -> None:
            self._room.release()
            if not task.cancelled() and not task.exception() and (reason := task.result()):
                refused.append(reason)

        async with asyncio.TaskGroup() as invocations:
            for record in records:
                await self._room.acquire()
                task = invocations.create_task(self._process(record, received_at, started))
                task.add_done_callback(end)
        return refused

    async def _process(self, record: S3Record, received_at: str, started: float) -> str | None:
        """See a record through; the reason if Lambda will never take its event."""
        backoff = Backoff()
        while True:
            try:
                invoked_at, error = await self._invoke(record)
            except BadMessage as refused:
                return str(refused)
            self.metrics.latency.observe(time.monotonic() - started)
            if error is None:
                await self.store.note_invoked(record, received_at, invoked_at)
                return None
            attempts = await self.store.count_attempt(record, received_at)
            log.warning("function.failed", **_named(record), error=str(error), attempts=attempts)
            if attempts >= self.max_attempts:
                await self.store.put([Result.failed(record, f"FunctionError: {error}")])
                return None
            await backoff.wait()

    async def _invoke(self, record: S3Record) -> tuple[str, FunctionError | None]:
        """Call until Lambda takes the event; returns when it was sent, and the function's error.

        Raises BadMessage for an event that Lambda will never take.
        """
        backoff = Backoff()
        event = record.to_event()
        while True:
            async with self.limiter:
                alone = self.limiter.limit == 1
                invoked_at = utc_text()
                try:
                    error = await self.function.invoke(event)
                except AwsError as raised:
                    failure = raised
                else:
                    self._note_accepted(error, record)
                    return invoked_at, error
                if isinstance(failure, Refused) and failure.code in _NEVER:
                    self.health.clear("function")
                    self._count("failed")
                    raise BadMessage(str(failure))
                self._note_failure(failure, record)
                if alone or not isinstance(failure, Throttled):
                    # In its place: while the function cannot be reached, or has no room even for
                    # one, few try again, not all.
                    await backoff.wait(failure, in_place=True)
                    continue
            await backoff.wait(failure)

    def _note_accepted(self, error: FunctionError | None, record: S3Record) -> None:
        self.limiter.accepted()
        self._count("error" if error else "accepted")
        self.health.clear("function")
        log.info("event.invoked", **_named(record))

    def _note_failure(self, failure: AwsError, record: S3Record) -> None:
        if isinstance(failure, Throttled):
            # Ordinary life, not a trouble: the limiter finds the pace.
            self.limiter.throttled()
            self._count("throttled")
            log.info("invoke.throttled", **_named(record), limit=self.limiter.limit)
        else:
            self.limiter.failed()
            self.health.report("function", str(failure))
            self._count("failed")
            log.warning("invoke.failed", **_named(record), reason=str(failure))

    def _count(self, outcome: str) -> None:
        self._outcomes[outcome].inc()


def _named(record: S3Record) -> dict[str, str]:
    """Which upload a line of the log is about."""
    return {"bucket": record.bucket, "key": record.key, "version": record.version.id}
