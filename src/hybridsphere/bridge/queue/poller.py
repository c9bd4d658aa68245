"""The long-poll loop of a queue: receive, hand over, delete. Both queues use it.

Receivers take messages while there is room. Each message is handled in its own task, stays in
flight by heartbeat meanwhile, and is deleted when done.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum
from functools import partial

import structlog

from hybridsphere.aws import VISIBILITY_TIMEOUT_S, AwsError, Message, Queue
from hybridsphere.bridge.pacing.circuit import Circuit
from hybridsphere.bridge.queue.deleter import Deleter
from hybridsphere.bridge.queue.in_flight import InFlight
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics

RECEIVERS = 2
"""Concurrent long polls on a queue: one fills while the other is answered."""

SHORT_POLL_S = 1
"""Wait of a short poll, which finds out soon whether SQS answers at all."""

MISSED_S = 4.0
"""Limit on the answer to a short poll."""

BUSY_S = 30.0
"""How long after a message more are expected: as long as a lost long poll goes unnoticed."""

SHORTEST_POLL_S = 0.5
"""An empty answer that comes sooner was not from a long poll; the next poll waits this long."""

LAST_POLL_S = 1.0
"""Seconds that a running poll gets when the bridge stops."""

POSTPONED_S = 300
"""Fifty receipts, after which the queue sets a message aside, then take four hours."""

RELEASE_SHARE = 0.2
"""The part of a stop that is reserved for releasing unfinished messages."""

log = structlog.get_logger()


class Disposition(Enum):
    """The fate of a message that was handled."""

    DELETE = "delete"
    LEAVE = "leave"
    """Leave it to the visibility time-out and the queue's own redrive."""
    POSTPONE = "postpone"
    """Hide it for POSTPONED_S: others wait for the same, and too many at once."""


Handler = Callable[[Message], Awaitable[Disposition]]


class Poller:
    """One queue, at most `most` of its messages at once, each handed to `handle`.

    `gate` returns when receiving is allowed; `name` names the queue in log and metrics.
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
        self._in_flight = InFlight(name, queue, most=most, health=health, counts=self._counts)
        self._deleter = Deleter(name, queue, self._in_flight, health=health, counts=self._counts)
        self._handling: dict[str, asyncio.Task[None]] = {}
        self._circuit = Circuit()
        self._busy_until = 0.0

    def set_aside(self, message: Message) -> bool:
        """Go on holding a message without its room, for a long wait; False if too many do."""
        return self._in_flight.set_aside(message.receipt_handle)

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Poll until `stop`; then finish or release the messages held, within `drain_s` seconds."""
        async with asyncio.TaskGroup() as upkeep:
            keepers = [
                upkeep.create_task(self._deleter.run()),
                upkeep.create_task(self._in_flight.heartbeat()),
            ]
            last_poll_s = min(LAST_POLL_S, drain_s / 4)
            await self._receive_until(stop, last_poll_s)
            await self._finish(drain_s - last_poll_s)
            for keeper in keepers:
                keeper.cancel()
            # Only after the heartbeat has ended: it would hide a released message again.
            await self._in_flight.give_back(drain_s * RELEASE_SHARE)
            log.info("queue.drained", queue=self._name, left=len(self._in_flight))

    async def _receive_until(self, stop: asyncio.Event, last_poll_s: float) -> None:
        stopped = asyncio.create_task(stop.wait())
        receivers = [
            asyncio.create_task(self._receive(stop, patient=number == 0))
            for number in range(RECEIVERS)
        ]
        everything = [stopped, *receivers]
        try:
            # Before the stop a receiver ends only by an error.
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
            room = await self._in_flight.take_room()
            await self._gate()
            began = await self._circuit.enter()
            # Checked last: each of these waits may have been long.
            if stop.is_set():
                return
            messages: list[Message] = []
            try:
                messages = await self._ask(room, patient=patient, began=began)
            finally:
                self._in_flight.free_room(room - len(messages))
            self._counts.received.inc(len(messages))
            for message in messages:
                self._begin(message)

    async def _ask(self, room: int, *, patient: bool, began: float) -> list[Message]:
        """Make one receive call; returns an empty list if it fails.

        A lost long poll is noticed only after 30 s, so the second receiver uses short polls when
        that delay would hurt. The patient one gets answers that are merely slow.
        """
        receive = partial(self._queue.receive, room, visibility_timeout_s=VISIBILITY_TIMEOUT_S)
        is_short = not patient and (began < self._busy_until or self._circuit.is_open)
        if is_short:
            receive = partial(receive, wait_s=SHORT_POLL_S, within_s=MISSED_S)
        try:
            messages = await receive()
        except AwsError as error:
            missed = is_short and isinstance(error.__cause__, TimeoutError)
            if self._circuit.failed(error, began, missed=missed):
                self._health.report(f"{self._name} queue", str(error), missed=missed)
            else:
                log.warning("receive.failed", queue=self._name, reason=str(error))
            return []
        self._circuit.answered(began)
        self._health.worked(f"{self._name} queue", began)
        self._in_flight.queue_answered(began)
        if messages:
            self._busy_until = time.monotonic() + BUSY_S
        elif time.monotonic() - began < SHORTEST_POLL_S:
            await asyncio.sleep(SHORTEST_POLL_S)
        return messages

    def _begin(self, message: Message) -> None:
        # Two polls may return the same receipt; the first is being handled.
        if self._in_flight.hold(message):
            # Not asyncio's own function, which names each task.
            task = asyncio.get_running_loop().create_task(self._process(message))
            self._handling[message.receipt_handle] = task

    async def _process(self, message: Message) -> None:
        try:
            disposition = await self._handle(message)
        except asyncio.CancelledError:
            # Only the drain cancels, and it releases the messages still held.
            return
        except Exception:
            # The error is counted; the queue's redrive sets the message aside if it repeats.
            disposition = Disposition.LEAVE
            self._counts.handler_errors.inc()
            log.exception("message.unhandled", queue=self._name, message_id=message.id)
        del self._handling[message.receipt_handle]
        if disposition is Disposition.DELETE:
            self._deleter.add(message.receipt_handle)
            return
        if disposition is Disposition.POSTPONE:
            # If this fails, the message comes again sooner.
            with suppress(AwsError):
                await self._queue.change_visibility([message.receipt_handle], POSTPONED_S)
        self._in_flight.let_go(message.receipt_handle)

    async def _finish(self, drain_s: float) -> None:
        """Wait for the handlers, then cancel those that do not finish."""
        log.info("queue.draining", queue=self._name, held=len(self._in_flight), within_s=drain_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s * (1 - RELEASE_SHARE)):
                await self._in_flight.emptied()
        handling = list(self._handling.values())
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)
