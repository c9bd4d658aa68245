"""One long-poll loop: receive, hand over, acknowledge. Both queues are this loop.

Three loops share what is in flight: receivers take messages while there is room, each message is
handled in a task of its own and deleted in a batch with others, and a heartbeat extends the
visibility time-out of those whose deadline comes first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import structlog

from hybridsphere.aws import BATCH, VISIBILITY_TIMEOUT_S, AwsError, Message, Queue, ReceiptGone
from hybridsphere.bridge.backoff import Backoff
from hybridsphere.bridge.batcher import Batcher
from hybridsphere.bridge.health import Health
from hybridsphere.bridge.metrics import Metrics

RECEIVERS = 2
"""Long polls under way at once on a queue: one fills while the other is answered."""

SHORTEST_POLL_S = 0.5
"""An empty answer sooner than that is no long poll's but, say, a proxy's; it is not asked again at
once."""

HEARTBEAT_MARGIN_S = 15
"""How long before its deadline a message is extended: half of the time, for tries to fail in."""

LAST_POLL_S = 1.0
"""What a running poll is given when the bridge stops."""

RELEASE_SHARE = 0.2
"""The part of a stop that is kept for making visible again what could not be finished."""

log = structlog.get_logger()


class Verdict(Enum):
    """What is to become of a message that was handled."""

    DONE = "done"
    """Delete it."""
    LEAVE = "leave"
    """Leave it to the visibility time-out and the queue's own redrive."""


Handler = Callable[[Message], Awaitable[Verdict]]


@dataclass(slots=True)
class _Held:
    """A message in flight; `deadline` in seconds of the loop's clock."""

    message: Message
    deadline: float


class Poller:
    """Takes messages from a queue, at most `most` at once, and hands each to `handle`.

    `gate` returns when it is all right to receive; `name` is the queue's in log and metrics.
    """

    def __init__(
        self,
        name: str,
        queue: Queue,
        handle: Handler,
        *,
        most: int,
        gate: Callable[[], Awaitable[None]],
        health: Health,
        metrics: Metrics,
    ) -> None:
        self._name = name
        self._queue = queue
        self._handle = handle
        self._gate = gate
        self._health = health
        self._counts = metrics.of_queue(name)
        self._room = asyncio.Semaphore(most)
        # In the order of their deadlines: whoever is added or extended goes to the end.
        self._held: dict[str, _Held] = {}
        self._holding = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._deletes: Batcher[str, AwsError | None] = Batcher(self._delete_batch, size=BATCH)
        self._delete_backoff = Backoff()

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Poll until `stop`; then finish or give back what is held, within `drain_s` seconds."""
        async with asyncio.TaskGroup() as upkeep:
            keepers = [
                upkeep.create_task(self._deletes.run()),
                upkeep.create_task(self._heartbeat()),
            ]
            last_poll_s = min(LAST_POLL_S, drain_s / 4)
            await self._receive_until(stop, last_poll_s)
            await self._finish(drain_s - last_poll_s)
            for keeper in keepers:
                keeper.cancel()
            # Only now: a heartbeat under way would hide again what is given back.
            await self._give_back(drain_s * RELEASE_SHARE)

    async def _receive_until(self, stop: asyncio.Event, last_poll_s: float) -> None:
        stopped = asyncio.create_task(stop.wait())
        receivers = [asyncio.create_task(self._receive(stop)) for _ in range(RECEIVERS)]
        everything = [stopped, *receivers]
        try:
            # A receiver never returns before the stop: if one ends, it is by an error.
            await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                await asyncio.wait(receivers, timeout=last_poll_s)
        finally:
            for task in everything:
                task.cancel()
            results = await asyncio.gather(*everything, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _receive(self, stop: asyncio.Event) -> None:
        backoff = Backoff()
        while True:
            room = await self._take_room()
            await self._gate()
            # Only now: both waits may have been long.
            if stop.is_set():
                return
            messages: list[Message] = []
            asked = _now()
            try:
                messages = await self._queue.receive(
                    room, visibility_timeout_s=VISIBILITY_TIMEOUT_S
                )
            except AwsError as error:
                self._health.report(f"{self._name} queue", str(error))
                failure: AwsError | None = error
            else:
                self._health.clear(f"{self._name} queue")
                backoff.reset()
                failure = None
            finally:
                for _ in range(room - len(messages)):
                    self._room.release()
            for message in messages:
                self._hold(message)
            if failure:
                await backoff.wait(failure)
            elif not messages and _now() - asked < SHORTEST_POLL_S:
                await asyncio.sleep(SHORTEST_POLL_S)

    async def _take_room(self) -> int:
        """Wait for room for one message, and take what there is, up to a batch."""
        await self._room.acquire()
        room = 1
        while room < BATCH and not self._room.locked():
            await self._room.acquire()
            room += 1
        return room

    def _hold(self, message: Message) -> None:
        if message.receipt_handle in self._held:
            # Two polls were given one receipt; it is being handled.
            self._room.release()
            return
        self._held[message.receipt_handle] = _Held(message, _now() + VISIBILITY_TIMEOUT_S)
        self._holding.set()
        self._counts.received.inc()
        self._counts.in_flight.inc()
        task = asyncio.create_task(self._process(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _process(self, message: Message) -> None:
        try:
            if await self._handle(message) is Verdict.DONE:
                await self._delete(message)
        except asyncio.CancelledError:
            # Only the drain cancels, and it gives back what is still held.
            return
        except Exception:
            # Not swallowed: the queue's redrive sets it aside if it happens again and again.
            self._counts.handler_errors.inc()
            self._let_go(message.receipt_handle)
            log.exception("message.unhandled", queue=self._name, message_id=message.id)
        else:
            self._let_go(message.receipt_handle)

    async def _delete(self, message: Message) -> None:
        while failure := await self._deletes.submit(message.receipt_handle):
            log.warning(
                "delete.failed", queue=self._name, message_id=message.id, reason=str(failure)
            )
            self._counts.deletes_failed.inc()
            if isinstance(failure, ReceiptGone):
                # The message comes again, to no effect.
                return
        self._counts.deleted.inc()

    async def _delete_batch(self, handles: Sequence[str]) -> Sequence[AwsError | None]:
        """Delete a batch; a failure holds up the next one too, so that all wait as one."""
        try:
            outcomes: Sequence[AwsError | None] = await self._queue.delete(handles)
        except AwsError as error:
            outcomes = [error] * len(handles)
        failures = [one for one in outcomes if one and not isinstance(one, ReceiptGone)]
        if failures:
            # They are held meanwhile: let go, they would come again and be handled for nothing.
            self._health.report(f"{self._name} queue deletes", str(failures[0]))
            await self._delete_backoff.wait(failures[0])
        else:
            self._health.clear(f"{self._name} queue deletes")
            self._delete_backoff.reset()
        return outcomes

    def _let_go(self, receipt_handle: str) -> None:
        del self._held[receipt_handle]
        if not self._held:
            self._holding.clear()
        self._counts.in_flight.dec()
        self._room.release()

    async def _heartbeat(self) -> None:
        backoff = Backoff()
        while True:
            await self._holding.wait()
            first = next(iter(self._held.values()))
            wait_s = first.deadline - HEARTBEAT_MARGIN_S - _now()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue
            try:
                await self._extend(self._due())
            except AwsError as error:
                log.warning("heartbeat.failed", queue=self._name, reason=str(error))
                self._counts.heartbeats_failed.inc()
                self._health.report(f"{self._name} queue heartbeat", str(error))
                await backoff.wait(error)
            else:
                backoff.reset()
                self._health.clear(f"{self._name} queue heartbeat")

    def _due(self) -> list[str]:
        """The receipt handles to extend now, at most a batch."""
        until = _now() + HEARTBEAT_MARGIN_S
        held = list(self._held.items())[:BATCH]
        return [handle for handle, message in held if message.deadline <= until]

    async def _extend(self, handles: Sequence[str]) -> None:
        deadline = _now() + VISIBILITY_TIMEOUT_S
        outcomes = await self._queue.change_visibility(handles, VISIBILITY_TIMEOUT_S)
        again: AwsError | None = None
        for handle, failure in zip(handles, outcomes, strict=True):
            if handle not in self._held:
                continue  # It was finished meanwhile.
            if failure and not isinstance(failure, ReceiptGone):
                again = failure
                continue
            held = self._held.pop(handle)
            held.deadline = deadline
            self._held[handle] = held
            if failure:
                # SQS has taken it back, say after twelve hours; its work goes on all the same.
                log.warning("heartbeat.refused", queue=self._name, reason=str(failure))
            else:
                self._counts.extended.inc()
        if again:
            raise again

    async def _finish(self, drain_s: float) -> None:
        """Let the handlers come to an end, and end those that do not."""
        log.info("queue.draining", queue=self._name, held=len(self._held), within_s=drain_s)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=drain_s * (1 - RELEASE_SHARE))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _give_back(self, within_s: float) -> None:
        handles = list(self._held)
        batches = [handles[start : start + BATCH] for start in range(0, len(handles), BATCH)]
        releases = [asyncio.create_task(self._release(batch)) for batch in batches]
        if releases:
            _, late = await asyncio.wait(releases, timeout=within_s)
            for release in late:
                release.cancel()
            await asyncio.gather(*releases, return_exceptions=True)
        log.info("queue.drained", queue=self._name, left=len(self._held))

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
                    self._let_go(handle)
                elif not isinstance(failure, ReceiptGone):
                    again[handle] = failure
            if again:
                failure = next(iter(again.values()))
                log.warning("release.failed", queue=self._name, reason=str(failure))
                await backoff.wait(failure)
            handles = list(again)


def _now() -> float:
    return asyncio.get_running_loop().time()
