"""Batches by size and linger: many callers share one call."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")
Reply = TypeVar("Reply")


class Gatherer(Generic[Item]):
    """Batches of up to `size` items; an incomplete batch waits `linger_s` for more."""

    def __init__(self, *, size: int, linger_s: float = 0) -> None:
        self._size = size
        self._linger_s = linger_s
        self._waiting: deque[Item] = deque()
        self._any = asyncio.Event()
        self._full = asyncio.Event()

    def add(self, item: Item) -> None:
        """Put an item in the next batch that has room."""
        self._waiting.append(item)
        self._any.set()
        if len(self._waiting) >= self._size:
            self._full.set()

    async def batch(self) -> list[Item]:
        """Wait for the next batch, and return its items in the order of their arrival."""
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


class Batcher(Generic[Item, Reply]):
    """Items submitted by many callers, flushed batch after batch; each caller gets its own reply.

    `flush` takes up to `size` items and returns a reply for each, in their order. If it raises,
    every caller of that batch gets the error. An incomplete batch waits `linger_s` seconds.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Reply]]],
        *,
        size: int,
        linger_s: float = 0,
    ) -> None:
        self._flush = flush
        self._waiting: Gatherer[tuple[Item, asyncio.Future[Reply]]] = Gatherer(
            size=size, linger_s=linger_s
        )

    async def submit(self, item: Item) -> Reply:
        """Submit an item, and return its reply once its batch is done."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.add((item, future))
        return await future

    async def run(self) -> None:
        """Flush batch after batch, until cancelled."""
        while True:
            batch = await self._waiting.batch()
            try:
                replies = await self._flush([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - every caller gets it
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), reply in zip(batch, replies, strict=True):
                    if not future.done():
                        future.set_result(reply)
