"""The in-flight messages of a queue: room for a number of them, and a heartbeat.

As many again may be set aside: they wait for something that concerns them alone.

SQS hides a message from other receivers until its deadline. The heartbeat extends the earliest
deadlines in time; a message that SQS does not extend becomes visible again.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import structlog

from hybridsphere.aws import SQS_BATCH, VISIBILITY_TIMEOUT_S, AwsError, Message, Queue, ReceiptGone
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import QueueMetrics

HEARTBEAT_MARGIN_S = 15
"""How long before its deadline a message is extended: half of the time is left for retries."""

CONCURRENT_EXTENSIONS = 8
"""Concurrent batches of extensions: thousands of messages can be due at once."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Held:
    """A message in flight: held `since`, hidden until its `deadline`, to be extended when `due`.

    All three are seconds of `time.monotonic`.
    """

    message_id: str
    since: float
    deadline: float
    due: float


class InFlight:
    """The in-flight messages of a queue by their receipt handles.

    At most `most` have room, and at most `most` are set aside.
    """

    def __init__(
        self, name: str, queue: Queue, *, most: int, health: Health, counts: QueueMetrics
    ) -> None:
        self._name = name
        self._queue = queue
        self._health = health
        self._counts = counts
        self._room = asyncio.Semaphore(most)
        self._most = most
        self._aside: set[str] = set()
        # In the order in which they are due: a message that is added or extended goes to the end.
        self._held: dict[str, _Held] = {}
        self._extended_began = 0.0
        self._holding = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        counts.in_flight.set_function(self.__len__)
        counts.oldest.set_function(self.oldest_s)

    def __len__(self) -> int:
        return len(self._held)

    def oldest_s(self) -> float:
        """Return the age in seconds of the message that is held longest; 0 without messages."""
        since = min((held.since for held in self._held.values()), default=None)
        return 0.0 if since is None else time.monotonic() - since

    @property
    def _part(self) -> str:
        return f"{self._name} queue heartbeat"

    async def take_room(self) -> int:
        """Wait for room for one message, then take the free room, up to a batch."""
        await self._room.acquire()
        room = 1
        while room < SQS_BATCH and not self._room.locked():
            await self._room.acquire()
            room += 1
        return room

    def free_room(self, count: int) -> None:
        """Return room that was taken for messages which did not come."""
        for _ in range(count):
            self._room.release()

    def hold(self, message: Message) -> bool:
        """Hold a message in room that was taken; returns False if its receipt is held already."""
        if message.receipt_handle in self._held:
            self.free_room(1)
            return False
        now = time.monotonic()
        deadline = now + VISIBILITY_TIMEOUT_S
        due = deadline - HEARTBEAT_MARGIN_S
        self._held[message.receipt_handle] = _Held(message.id, now, deadline, due)
        self._holding.set()
        self._empty.clear()
        return True

    def message_id(self, receipt_handle: str) -> str:
        """Return the id of a message, for the log."""
        return self._held[receipt_handle].message_id

    def is_visible(self, receipt_handle: str) -> bool:
        """Return whether a message's deadline has passed, so that its next receipt counts."""
        return self._held[receipt_handle].deadline <= time.monotonic()

    def let_go(self, receipt_handle: str) -> None:
        """Stop holding a message, and free its room."""
        del self._held[receipt_handle]
        if not self._held:
            self._holding.clear()
            self._empty.set()
        if receipt_handle in self._aside:
            self._aside.discard(receipt_handle)
        else:
            self._room.release()

    def set_aside(self, receipt_handle: str) -> bool:
        """Free the room of a message that is held further; False if too many are set aside."""
        if receipt_handle in self._aside:
            return True
        if len(self._aside) >= self._most:
            return False
        self._aside.add(receipt_handle)
        self._room.release()
        return True

    async def emptied(self) -> None:
        """Wait until no message is held."""
        await self._empty.wait()

    def queue_answered(self, began: float) -> None:
        """Note a success of another call; if nothing is left to extend, it ends the trouble."""
        if not self._held:
            self._health.worked(self._part, began)

    async def heartbeat(self) -> None:
        """Extend the deadlines of the messages held, until cancelled."""
        backoff = Backoff()
        at_once = CONCURRENT_EXTENSIONS
        while True:
            try:
                failure = await self._extend_due(at_once)
            except AwsError as error:
                at_once = 1
                self._report(error)
                await backoff.wait(error)
                continue
            at_once = CONCURRENT_EXTENSIONS
            if failure:
                self._report(failure)
                # The short wait, whatever the error: other messages come due meanwhile.
                await backoff.wait()
            else:
                backoff.reset()
                self._health.worked(self._part, self._extended_began)
                await self._until_due()

    async def give_back(self, within_s: float) -> None:
        """Make every message held visible again; the rest expires after its time-out."""
        handles = list(self._held)
        releases = [asyncio.create_task(self._release(batch)) for batch in _batches(handles)]
        if releases:
            _, late = await asyncio.wait(releases, timeout=within_s)
            for release in late:
                release.cancel()
            await asyncio.gather(*releases, return_exceptions=True)

    def _report(self, failure: AwsError) -> None:
        log.warning("heartbeat.failed", queue=self._name, reason=str(failure))
        self._counts.heartbeats_failed.inc()
        self._health.report(self._part, str(failure))

    async def _until_due(self) -> None:
        """Wait until a message that is held may be due."""
        await self._holding.wait()
        # It may be finished before this task runs.
        if first := next(iter(self._held.values()), None):
            await asyncio.sleep(max(0, first.due - time.monotonic()))

    async def _extend_due(self, at_once: int) -> AwsError | None:
        """Extend every message that is due, `at_once` batches at a time; returns one of the errors.

        Tries every due message; failures do not block the rest.
        """
        now = time.monotonic()
        due = [
            handle for handle, _ in takewhile(lambda item: item[1].due <= now, self._held.items())
        ]
        again: list[AwsError] = []
        for start in range(0, len(due), at_once * SQS_BATCH):
            # Some may have finished meanwhile.
            some = [
                handle
                for handle in due[start : start + at_once * SQS_BATCH]
                if handle in self._held
            ]
            calls = map(self._extend, _batches(some))
            # Every call ends before this returns: a late one would hide a released message.
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                again += outcome
        return again[0] if again else None

    async def _extend(self, handles: Sequence[str]) -> list[AwsError]:
        """Extend a batch; returns the errors of the messages to retry.

        They come in a list, because `gather` cannot tell a returned error from a raised one.
        """
        asked = time.monotonic()
        outcomes = await self._queue.change_visibility(handles, VISIBILITY_TIMEOUT_S)
        again: list[AwsError] = []
        for handle, failure in zip(handles, outcomes, strict=True):
            if handle not in self._held:
                continue  # Finished meanwhile.
            if failure and not isinstance(failure, ReceiptGone) and not self.is_visible(handle):
                again.append(failure)
                continue
            held = self._held.pop(handle)
            held.due = asked + VISIBILITY_TIMEOUT_S - HEARTBEAT_MARGIN_S
            self._held[handle] = held
            if failure:
                # SQS has made it visible, for example after twelve hours; its handler continues.
                log.warning("heartbeat.refused", queue=self._name, reason=str(failure))
            else:
                held.deadline = asked + VISIBILITY_TIMEOUT_S
                self._counts.extended.inc()
                self._extended_began = asked
        return again

    async def _release(self, handles: list[str]) -> None:
        """Make a batch visible again, with retries."""
        backoff = Backoff()
        while handles:
            outcomes: Sequence[AwsError | None]
            try:
                outcomes = await self._queue.change_visibility(handles, 0)
            except AwsError as error:
                outcomes = [error] * len(handles)
            again: dict[str, AwsError] = {}
            for handle, failure in zip(handles, outcomes, strict=True):
                if failure is None:
                    self._counts.released.inc()
                    self.let_go(handle)
                elif not isinstance(failure, ReceiptGone):
                    again[handle] = failure
            if again:
                failure = next(iter(again.values()))
                log.warning("release.failed", queue=self._name, reason=str(failure))
                await backoff.wait(failure)
            handles = list(again)


def _batches(handles: list[str]) -> list[list[str]]:
    """Split into batches that one call takes."""
    return [handles[start : start + SQS_BATCH] for start in range(0, len(handles), SQS_BATCH)]
