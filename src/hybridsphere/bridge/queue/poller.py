"""One long-poll loop: receive, hand over, acknowledge. Both queues are this loop.

Receivers take messages while there is room, each is handled in a task of its own, and what is done
is deleted; what is in flight meanwhile is kept so by the heartbeat of its holdings. While SQS is in
trouble the receivers ask in turns.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum
from functools import partial

import structlog

from hybridsphere.aws import VISIBILITY_TIMEOUT_S, AwsError, Message, Queue
from hybridsphere.bridge.pacing.circuit import Turns
from hybridsphere.bridge.queue.deleter import Deletes
from hybridsphere.bridge.queue.in_flight import Holdings
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics

RECEIVERS = 2
"""Long polls under way at once on a queue: one fills while the other is answered."""

SHORT_POLL_S = 1
"""What is waited for a message while there is reason to look soon whether SQS answers at all."""

MISSED_S = 4.0
"""How long the answer to a short poll may take."""

BUSY_S = 30.0
"""How long after a message others are expected: as long as a poll that is lost is waited for."""

SHORTEST_POLL_S = 0.5
"""An empty answer sooner than that is no long poll's but, say, a proxy's; it is not asked again at
once."""

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
        self._held = Holdings(name, queue, most=most, health=health, counts=self._counts)
        self._deletes = Deletes(name, queue, self._held, health=health, counts=self._counts)
        self._handling: dict[str, asyncio.Task[None]] = {}
        self._turns = Turns()
        self._busy_until = 0.0

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Poll until `stop`; then finish or give back what is held, within `drain_s` seconds."""
        async with asyncio.TaskGroup() as upkeep:
            keepers = [
                upkeep.create_task(self._deletes.run()),
                upkeep.create_task(self._held.heartbeat()),
            ]
            last_poll_s = min(LAST_POLL_S, drain_s / 4)
            await self._receive_until(stop, last_poll_s)
            await self._finish(drain_s - last_poll_s)
            for keeper in keepers:
                keeper.cancel()
            # Only now: a heartbeat under way would hide again what is given back.
            await self._held.give_back(drain_s * RELEASE_SHARE)
            log.info("queue.drained", queue=self._name, left=len(self._held))

    async def _receive_until(self, stop: asyncio.Event, last_poll_s: float) -> None:
        stopped = asyncio.create_task(stop.wait())
        receivers = [
            asyncio.create_task(self._receive(stop, patient=number == 0))
            for number in range(RECEIVERS)
        ]
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

    async def _receive(self, stop: asyncio.Event, *, patient: bool) -> None:
        while True:
            room = await self._held.take_room()
            await self._gate()
            taken = await self._turns.take()
            # Only now: each of these waits may have been long.
            if stop.is_set():
                return
            messages: list[Message] = []
            try:
                messages = await self._ask(room, patient=patient, taken=taken)
            finally:
                self._held.free_room(room - len(messages))
            self._counts.received.inc(len(messages))
            for message in messages:
                self._begin(message)

    async def _ask(self, room: int, *, patient: bool, taken: float) -> list[Message]:
        """Messages, or none.

        A poll that is lost on the way is missed only when a long poll's time is over. So where that
        would be felt, only who is patient asks for so long: its answers may just be slow.
        """
        receive = partial(self._queue.receive, room, visibility_timeout_s=VISIBILITY_TIMEOUT_S)
        is_busy = taken < self._busy_until
        if not patient and (is_busy or self._turns.in_trouble):
            receive = partial(receive, wait_s=SHORT_POLL_S, within_s=MISSED_S)
        try:
            messages = await receive()
        except AwsError as error:
            if self._turns.failed(error, taken):
                self._health.report(f"{self._name} queue", str(error))
            else:
                log.warning("receive.failed", queue=self._name, reason=str(error))
            return []
        self._turns.answered()
        self._health.clear(f"{self._name} queue")
        if messages:
            self._busy_until = _now() + BUSY_S
        elif _now() - taken < SHORTEST_POLL_S:
            await asyncio.sleep(SHORTEST_POLL_S)
        return messages

    def _begin(self, message: Message) -> None:
        # Two polls may be given one receipt; it is being handled then.
        if self._held.hold(message):
            task = asyncio.create_task(self._process(message))
            self._handling[message.receipt_handle] = task

    async def _process(self, message: Message) -> None:
        try:
            verdict = await self._handle(message)
        except asyncio.CancelledError:
            # Only the drain cancels, and it gives back what is still held.
            return
        except Exception:
            # Not swallowed: the queue's redrive sets it aside if it happens again and again.
            verdict = Verdict.LEAVE
            self._counts.handler_errors.inc()
            log.exception("message.unhandled", queue=self._name, message_id=message.id)
        del self._handling[message.receipt_handle]
        if verdict is Verdict.DONE:
            self._deletes.add(message.receipt_handle)
        else:
            self._held.let_go(message.receipt_handle)

    async def _finish(self, drain_s: float) -> None:
        """Let what is held come to its end, and end those handlers that do not."""
        log.info("queue.draining", queue=self._name, held=len(self._held), within_s=drain_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s * (1 - RELEASE_SHARE)):
                await self._held.emptied()
        handling = list(self._handling.values())
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)


def _now() -> float:
    return asyncio.get_running_loop().time()
