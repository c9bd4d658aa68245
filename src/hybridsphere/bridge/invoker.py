"""From an event to the function: one record, one invocation."""

import asyncio
import json
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
from hybridsphere.bridge.bucket.overtaken import end_overtaken
from hybridsphere.bridge.dead_letters import DeadLetters
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.pacing.limiter import Limiter
from hybridsphere.bridge.places.place import NEVER, Place
from hybridsphere.bridge.places.places import Places
from hybridsphere.bridge.queue.parsed import parsed
from hybridsphere.bridge.queue.poller import Disposition
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import INVOCATIONS, Metrics
from hybridsphere.messages import (
    BadMessage,
    BadRecord,
    Result,
    S3Event,
    S3Record,
    read_s3_event,
    utc_text,
)

LONG = 50_000
"""Characters above which a message has hundreds of records, or thousands."""

log = structlog.get_logger()


@dataclass
class Invoker:
    """The handler of the input queue and of the input bucket.

    Throttled and failing calls are retried until Lambda accepts them. The ledger counts attempts
    that ended in the function's own error; after `max_attempts` the upload is `failed`. At most
    `most` records in messages run at once: one message can have thousands.
    """

    function: Function | None
    bucket: str
    most: int
    max_attempts: int
    limiter: Limiter
    store: ResultStore
    dead_letters: DeadLetters
    health: Health
    metrics: Metrics
    places: Places | None = None
    ends_overtaken: bool = False
    """Whether the result of an upload cannot be found once a newer one has its own."""

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.most)
        self._long = asyncio.Lock()
        self._ends = {name: self.metrics.invocations.labels(name) for name in INVOCATIONS}
        if self.places is None:
            self.metrics.limit.set_function(lambda: self.limiter.limit)

    async def invoke(self, record: S3Record) -> None:
        """Invoke the function for a record that the watcher found."""
        refusal = await self._process(record, utc_text(), time.monotonic())
        if refusal:
            await self.store.put([Result.failed(record, refusal.reason)])

    async def handle(self, message: Message) -> Disposition:
        """Invoke the function for each upload in a message; reject the records that never can be.

        The message may be deleted once every upload was accepted.
        """
        if len(message.body) <= LONG:
            return await self._handle(message)
        # One at a time: they take long to parse, and much memory afterwards.
        async with self._long:
            return await self._handle(message)

    async def _handle(self, message: Message) -> Disposition:
        received_at, started = utc_text(), time.monotonic()
        try:
            event = read_s3_event(parsed(message.body))
        except BadMessage as error:
            return await self.dead_letters.reject("input", message, str(error))
        if event.ignored:
            self.metrics.ignored.inc(len(event.ignored))
            log.info("event.ignored", message_id=message.id, events=sorted(set(event.ignored)))
        ours, bad = self._divide(event)
        if bad or len(ours) > 1:
            # A message that one record keeps on the queue comes again; the others ran the first
            # time.
            ours = await self.store.undone(ours)
        bad += await self._process_all(ours, received_at, started)
        if not bad:
            if ours:
                self.dead_letters.note_accepted("input")
            return Disposition.DELETE
        count = len(event.created) + len(event.ignored) + len(event.bad)
        records = [one.record for one in bad]
        body = json.dumps({"Records": records}) if len(bad) < count else None
        return await self.dead_letters.reject("input", message, bad[0].reason, body)

    def _divide(self, event: S3Event) -> tuple[list[S3Record], list[BadRecord]]:
        """Separate the uploads to the bucket served from the records that can never succeed."""
        ours = [record for record in event.created if record.bucket == self.bucket]
        if len(ours) == len(event.created):
            return ours, list(event.bad)
        foreign = [record for record in event.created if record.bucket != self.bucket]
        names = ", ".join(sorted({record.bucket for record in foreign}))
        reason = f"bucket is {names}, not {self.bucket}"
        return ours, [*event.bad, *(_bad(record, reason) for record in foreign)]

    async def _process_all(
        self, records: Sequence[S3Record], received_at: str, started: float
    ) -> list[BadRecord]:
        """Invoke the function for each record; returns those whose event Lambda never accepts."""
        if len(records) == 1:
            async with self._room:
                refusal = await self._process(records[0], received_at, started)
            return [refusal] if refusal else []
        refused: list[BadRecord] = []

        def end(task: asyncio.Task[BadRecord | None]) -> None:
            self._room.release()
            if not task.cancelled() and not task.exception() and (refusal := task.result()):
                refused.append(refusal)

        async with asyncio.TaskGroup() as invocations:
            for record in records:
                await self._room.acquire()
                task = invocations.create_task(self._process(record, received_at, started))
                task.add_done_callback(end)
        return refused

    async def _process(
        self, record: S3Record, received_at: str, started: float
    ) -> BadRecord | None:
        """Invoke the function until a record is done; returns it if Lambda never accepts it."""
        backoff = Backoff()
        place: Place | None = None
        while True:
            try:
                if self.places is None:
                    invoked_at, error = await self._invoke(record)
                else:
                    # After an error another place may do better.
                    invoked_at, error, place = await self.places.invoke(record, avoid=place)
            except BadMessage as refusal:
                return _bad(record, str(refusal))
            self.metrics.latency.observe(time.monotonic() - started)
            if error is None:
                await self.store.note_invoked(record, received_at, invoked_at)
                if self.ends_overtaken:
                    await end_overtaken(self.store, record.bucket, record.key)
                return None
            attempts = await self.store.count_attempt(record, received_at)
            log.warning("function.failed", **_named(record), error=str(error), attempts=attempts)
            if attempts >= self.max_attempts:
                await self.store.put([Result.failed(record, f"FunctionError: {error}")])
                return None
            await backoff.wait()

    async def _invoke(self, record: S3Record) -> tuple[str, FunctionError | None]:
        """Call Lambda until it accepts the event; returns the time, and the function's error.

        Raises BadMessage for an event that Lambda never accepts.
        """
        function = self.function
        if function is None:
            raise ValueError("neither a function nor places")
        backoff = Backoff()
        while True:
            async with self.limiter:
                alone = self.limiter.limit == 1
                invoked_at, began = utc_text(), time.monotonic()
                try:
                    error = await function.invoke(record)
                except AwsError as raised:
                    failure = raised
                else:
                    self._note_accepted(error, record, began)
                    return invoked_at, error
                if isinstance(failure, Refused) and failure.code in NEVER:
                    self.health.worked("function", began)
                    self._count("failed")
                    raise BadMessage(str(failure))
                self._note_failure(failure, record)
                if alone or not isinstance(failure, Throttled):
                    # Keeps its place: while Lambda cannot be reached, or has no room even for one
                    # call, a few callers retry instead of all.
                    await backoff.wait(failure, in_place=True)
                    continue
            await backoff.wait(failure)

    def _note_accepted(self, error: FunctionError | None, record: S3Record, began: float) -> None:
        self.limiter.accepted()
        self._count("error" if error else "accepted")
        self.health.worked("function", began)
        log.info("event.invoked", **_named(record))

    def _note_failure(self, failure: AwsError, record: S3Record) -> None:
        if isinstance(failure, Throttled):
            # Normal operation, no trouble: the limiter adapts.
            self.limiter.throttled()
            self._count("throttled")
            log.info("invoke.throttled", **_named(record), limit=self.limiter.limit)
        else:
            self.limiter.failed()
            self.health.report("function", str(failure))
            self._count("failed")
            log.warning("invoke.failed", **_named(record), reason=str(failure))

    def _count(self, end: str) -> None:
        self._ends[end].inc()


def _bad(record: S3Record, reason: str) -> BadRecord:
    return BadRecord(record.to_event()["Records"][0], reason)


def _named(record: S3Record) -> dict[str, str]:
    """Name an upload in a line of the log."""
    return {"bucket": record.bucket, "key": record.key, "version": record.version.id}
