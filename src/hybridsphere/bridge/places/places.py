"""The places of one bridge, and the uploads that wait for one of them."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import structlog

from hybridsphere.aws import AwsError, FunctionError, Refused
from hybridsphere.bridge.places.budget import Budget
from hybridsphere.bridge.places.choice import Situation, foreseen_s, overflow
from hybridsphere.bridge.places.place import NEVER, Place
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.messages import BadMessage, S3Record, utc_text

TICK_S = 0.25
"""How often the wait is foreseen again while an upload waits."""

BACKLOG_S = 1.0
"""How often the input queue's length is read while an upload waits."""

Backlog = Callable[[], Awaitable[int]]
"""A call that counts the messages on the input queue which nobody holds."""

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class _Waiter:
    """An upload that waits for a place; `avoid` failed its last attempt."""

    since: float
    avoid: Place | None
    taken: asyncio.Future[tuple[Place, object]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Places:
    """The choice of a place for each upload, and the calls.

    `homes` may change while it works. `cloud` and `budget` may be None. `backlog` counts the
    messages that are still on the input queue.
    """

    def __init__(
        self,
        *,
        cloud: Place | None,
        budget: Budget | None,
        backlog: Backlog | None,
        longest_s: float,
        health: Health,
        metrics: Metrics,
    ) -> None:
        self.homes: list[Place] = []
        self._cloud = cloud
        self._budget = budget
        self._backlog = backlog
        self._longest_s = longest_s
        self._health = health
        self._metrics = metrics
        self._behind = 0
        self._waiting: deque[_Waiter] = deque()
        self._someone_waits = asyncio.Event()
        self._mends: dict[Place, asyncio.Task[None]] = {}
        metrics.foreseen.set_function(self.foreseen_s)
        metrics.waiting.set_function(lambda: len(self._waiting))
        metrics.limit.set_function(lambda: sum(place.room.limit for place in self._all()))

    async def invoke(
        self, record: S3Record, avoid: Place | None = None
    ) -> tuple[str, FunctionError | None, Place]:
        """Call the function in one place after another until it has accepted the event.

        Returns the time, the function's own error, and the place. Raises BadMessage for an event
        that no place ever accepts.
        """
        since = time.monotonic()
        again = False
        while True:
            waiter = _Waiter(since, avoid)
            place, call = await self._take(waiter, first=again)
            invoked_at = utc_text()
            try:
                error = await place.call(record)
            except AwsError as failure:
                if isinstance(failure, Refused) and failure.code in NEVER:
                    raise BadMessage(str(failure)) from failure
                self._look_after(place)
                again = True
                continue
            finally:
                place.room.end(call)
                self._dispatch()
            log.info("event.invoked", place=place.name, bucket=record.bucket, key=record.key)
            return invoked_at, error, place

    def foreseen_s(self) -> float:
        """Return how long the last upload will wait for home."""
        return foreseen_s(self._situation())

    def load(self) -> float:
        """Return the used share of the room at home, from 0 to 1."""
        room = sum(place.room.limit for place in self.homes)
        return sum(place.room.running for place in self.homes) / room if room else 1.0

    async def run(self) -> None:
        """Foresee the wait while an upload waits, and read the budget, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick())
            if self._backlog:
                tasks.create_task(self._watch_backlog(self._backlog))
            if self._budget:
                tasks.create_task(self._budget.run())

    def replace_homes(self, homes: Iterable[Place]) -> None:
        """Use these places from now on; calls in others end as they will."""
        self.homes = list(homes)
        for place in self.homes:
            self._look_after(place)
        self._dispatch()

    def _all(self) -> list[Place]:
        return [*self.homes, *([self._cloud] if self._cloud else [])]

    async def _take(self, waiter: _Waiter, *, first: bool) -> tuple[Place, object]:
        """Wait for a place; `first` is for uploads that have had one already."""
        if first:
            self._waiting.appendleft(waiter)
        else:
            self._waiting.append(waiter)
            # It was on the queue when the backlog was counted.
            self._behind = max(0, self._behind - 1)
        self._someone_waits.set()
        try:
            self._dispatch()
            return await waiter.taken
        except asyncio.CancelledError:
            if waiter.taken.done() and not waiter.taken.cancelled():
                place, call = waiter.taken.result()
                place.room.end(call)
                self._dispatch()
            elif waiter in self._waiting:
                self._waiting.remove(waiter)
            raise

    def _dispatch(self) -> None:
        """Give places to the uploads that have waited longest."""
        while self._waiting and (place := self._home_for(self._waiting[0])):
            self._give(place)
        excess = overflow(self._situation()) if self._waiting else 0
        if excess and self._may_overflow():
            while excess and self._waiting and self._cloud_is_free():
                self._give(self._cloud)
                excess -= 1
        if not self._waiting:
            self._someone_waits.clear()

    def _home_for(self, waiter: _Waiter) -> Place | None:
        """Choose the emptiest place at home; `avoid` only if no other may come free."""
        free = [place for place in self.homes if place.free]
        others = [place for place in free if place is not waiter.avoid]
        if not others and self._elsewhere(waiter.avoid):
            return None
        chosen = others or free
        return min(chosen, key=lambda one: one.room.running / one.room.limit, default=None)

    def _elsewhere(self, avoid: Place | None) -> bool:
        """Whether another place than `avoid` may take an upload."""
        if avoid is None:
            return False
        return any(place.is_up for place in self.homes if place is not avoid) or (
            self._cloud_is_free() and self._affordable()
        )

    def _give(self, place: Place | None) -> None:
        """Give a place to the upload that has waited longest."""
        if place is None:
            return
        waiter = self._waiting.popleft()
        if waiter.taken.done():
            return
        if place is self._cloud and self._budget:
            self._budget.note_call()
        waiter.taken.set_result((place, place.room.begin()))

    def _cloud_is_free(self) -> bool:
        return self._cloud is not None and self._cloud.free > 0 and self._affordable()

    def _affordable(self) -> bool:
        return self._budget is None or self._budget.allows

    def _may_overflow(self) -> bool:
        """Whether Lambda may take an upload; reports a budget that is spent."""
        if self._cloud is None or self._budget is None:
            return self._cloud is not None
        if self._budget.allows:
            self._health.clear("budget")
            return True
        self._health.report(
            "budget",
            f"the {self._budget.limit_usd:g} USD of the day are spent: uploads wait for home",
        )
        return False

    def _situation(self) -> Situation:
        now = time.monotonic()
        overdue = 0
        for waiter in self._waiting:
            if now - waiter.since < self._longest_s:
                break
            overdue += 1
        return Situation(
            waiting=len(self._waiting),
            behind=self._behind if self._waiting else 0,
            free=sum(place.free for place in self.homes),
            rate=sum(place.rate for place in self.homes),
            longest_s=self._longest_s,
            overdue=overdue,
        )

    def _look_after(self, place: Place) -> None:
        """Have a place tried again until it is up."""
        if place.is_up or place in self._mends:
            return
        task = self._mends[place] = asyncio.create_task(self._mend(place))
        task.add_done_callback(lambda _: self._mends.pop(place, None))

    async def _mend(self, place: Place) -> None:
        await place.mend()
        self._dispatch()

    async def _tick(self) -> None:
        while True:
            await self._someone_waits.wait()
            await asyncio.sleep(TICK_S)
            self._dispatch()
            if not self._waiting:
                # Nobody waits for the budget any more.
                self._health.clear("budget")

    async def _watch_backlog(self, backlog: Backlog) -> None:
        while True:
            await self._someone_waits.wait()
            try:
                self._behind = await backlog()
            except AwsError:
                # The poller reports a queue that does not answer.
                self._behind = 0
            self._dispatch()
            await asyncio.sleep(BACKLOG_S)
