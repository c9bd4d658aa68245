"""Batches by size and linger: many callers share one call."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Gatherer(Generic[Item]):
    """Makes batches of up to `size` items; one that is not full waits `linger_s` for company."""

    def __init__(self, *, size: int, linger_s: float = 0) -> None:
        self._size = size
        self._linger_s = linger_s
        self._waiting: deque[Item] = deque()
        self._any = asyncio.Event()
        self._full = asyncio.Event()

    def add(self, item: Item) -> None:
        self._waiting.append(item)
        self._any.set()
        if len(self._waiting) >= self._size:
            self._full.set()

    async def batch(self) -> list[Item]:
        """The items of the next batch, once there are any, in the order in which they came."""
        await self._any.wait()
        if self._linger_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._linger_s):
                    await self._full.wait()
        batch = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
        if not self._waiting:
            self._any.clear()
        if len(self._waiting) < self._size:
            self._full.clear()
        return batch


class Batcher(Generic[Item, Outcome]):
    """Flushes what its callers submit, batch after batch, and gives each the outcome of its own.

    `flush` takes up to `size` items and returns an outcome for each, in their order. If it raises,
    every item of its batch fails with that. A batch that is not full waits `linger_s` seconds.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]],
        *,
        size: int,
        linger_s: float = 0,
    ) -> None:
        self._flush = flush
        self._waiting: Gatherer[tuple[Item, asyncio.Future[Outcome]]] = Gatherer(
            size=size, linger_s=linger_s
        )

    async def submit(self, item: Item) -> Outcome:
        """The outcome of an item, once the batch it went with is done."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.add((item, future))
        return await future

    async def run(self) -> None:
        """Flush batch after batch, until cancelled."""
        while True:
            batch = await self._waiting.batch()
            try:
                outcomes = await self._flush([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - each caller gets it, none is lost
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), outcome in zip(batch, outcomes, strict=True):
                    if not future.done():
                        future.set_result(outcome)
