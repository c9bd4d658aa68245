"""The messages of a queue that are in flight: room for so many, and a heartbeat for those held.

A message that is held is hidden from everybody else until its deadline; the heartbeat extends that
of those that come first. What SQS does not extend until then is over: the message is visible again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import structlog

from hybridsphere.aws import BATCH, VISIBILITY_TIMEOUT_S, AwsError, Message, Queue, ReceiptGone
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import QueueMetrics

HEARTBEAT_MARGIN_S = 15
"""How long before its deadline a message is extended: half of the time, for tries to fail in."""

CALLS = 8
"""Batches that are extended at once: messages can be due by the thousand, and a call takes time."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Held:
    """A message in flight, hidden until its `deadline` and to be extended when it is `due`, both in
    seconds of the loop's clock.
    """

    message_id: str
    deadline: float
    due: float


class Holdings:
    """At most `most` messages of a queue, by their receipt handles."""

    def __init__(
        self, name: str, queue: Queue, *, most: int, health: Health, counts: QueueMetrics
    ) -> None:
        self._name = name
        self._queue = queue
        self._health = health
        self._counts = counts
        self._room = asyncio.Semaphore(most)
        # In the order in which they are due: whoever is added or extended goes to the end.
        self._held: dict[str, _Held] = {}
        self._holding = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        counts.in_flight.set_function(self.__len__)

    def __len__(self) -> int:
        return len(self._held)

    async def take_room(self) -> int:
        """Wait for room for one message, and take what there is, up to a batch."""
        await self._room.acquire()
        room = 1
        while room < BATCH and not self._room.locked():
            await self._room.acquire()
            room += 1
        return room

    def free_room(self, count: int) -> None:
        """Give back room that was taken for messages which did not come."""
        for _ in range(count):
            self._room.release()

    def hold(self, message: Message) -> bool:
        """Hold a message in room that was taken; False for a receipt that is held already."""
        if message.receipt_handle in self._held:
            self.free_room(1)
            return False
        deadline = _now() + VISIBILITY_TIMEOUT_S
        due = deadline - HEARTBEAT_MARGIN_S
        self._held[message.receipt_handle] = _Held(message.id, deadline, due)
        self._holding.set()
        self._empty.clear()
        return True

    def message_id(self, receipt_handle: str) -> str:
        return self._held[receipt_handle].message_id

    def is_over(self, receipt_handle: str) -> bool:
        """Whether a message is visible again, so that another receipt of it counts."""
        return self._held[receipt_handle].deadline <= _now()

    def let_go(self, receipt_handle: str) -> None:
        """Hold a message no more."""
        del self._held[receipt_handle]
        if not self._held:
            self._holding.clear()
            self._empty.set()
        self._room.release()

    async def emptied(self) -> None:
        """Return when nothing is held."""
        await self._empty.wait()

    async def heartbeat(self) -> None:
        """Extend the deadlines of what is held, until cancelled."""
        backoff = Backoff()
        at_once = CALLS
        while True:
            try:
                failure = await self._extend_due(at_once)
            except AwsError as error:
                at_once = 1
                self._tell(error)
                await backoff.wait(error)
                continue
            at_once = CALLS
            if failure:
                self._tell(failure)
                # Not as long as its kind would: others come due meanwhile.
                await backoff.wait()
            else:
                # With nothing due, what could not be extended has come to its end.
                backoff.reset()
                self._health.clear(f"{self._name} queue heartbeat")
                await self._until_due()

    async def give_back(self, within_s: float) -> None:
        """Make all that is held visible again; what SQS does not take in time runs out there."""
        handles = list(self._held)
        releases = [asyncio.create_task(self._release(batch)) for batch in _batches(handles)]
        if releases:
            _, late = await asyncio.wait(releases, timeout=within_s)
            for release in late:
                release.cancel()
            await asyncio.gather(*releases, return_exceptions=True)

    def _tell(self, failure: AwsError) -> None:
        log.warning("heartbeat.failed", queue=self._name, reason=str(failure))
        self._counts.heartbeats_failed.inc()
        self._health.report(f"{self._name} queue heartbeat", str(failure))

    async def _until_due(self) -> None:
        """Return when a message that is held may be due."""
        await self._holding.wait()
        # It may be finished before this task has its turn.
        if first := next(iter(self._held.values()), None):
            await asyncio.sleep(max(0, first.due - _now()))

    async def _extend_due(self, at_once: int) -> AwsError | None:
        """Try to extend each message that is due, so many batches at once; why one is to be tried
        again, if any is.

        All are tried, so that those that fail, however many, are in the way of no other.
        """
        now = _now()
        due = [
            handle for handle, _ in takewhile(lambda item: item[1].due <= now, self._held.items())
        ]
        again: list[AwsError] = []
        for start in range(0, len(due), at_once * BATCH):
            # Some may be finished meanwhile.
            some = [
                handle for handle in due[start : start + at_once * BATCH] if handle in self._held
            ]
            calls = map(self._extend, _batches(some))
            # None goes on when this returns, or it would hide again what is given back.
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                again += outcome
        return again[0] if again else None

    async def _extend(self, handles: Sequence[str]) -> list[AwsError]:
        """Extend a batch; why those of it are to be tried again that are.

        In a list, since an error that is returned looks like one that was raised to who gathers.
        """
        asked = _now()
        outcomes = await self._queue.change_visibility(handles, VISIBILITY_TIMEOUT_S)
        again: list[AwsError] = []
        for handle, failure in zip(handles, outcomes, strict=True):
            if handle not in self._held:
                continue  # It was finished meanwhile.
            if failure and not isinstance(failure, ReceiptGone) and not self.is_over(handle):
                again.append(failure)
                continue
            held = self._held.pop(handle)
            held.due = asked + VISIBILITY_TIMEOUT_S - HEARTBEAT_MARGIN_S
            self._held[handle] = held
            if failure:
                # SQS has taken it back, say after twelve hours; its work goes on all the same.
                log.warning("heartbeat.refused", queue=self._name, reason=str(failure))
            else:
                held.deadline = asked + VISIBILITY_TIMEOUT_S
                self._counts.extended.inc()
        return again

    async def _release(self, handles: list[str]) -> None:
        """Make visible again what could not be finished, however often that takes."""
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
    """As many together as a call takes."""
    return [handles[start : start + BATCH] for start in range(0, len(handles), BATCH)]


def _now() -> float:
    return asyncio.get_running_loop().time()
