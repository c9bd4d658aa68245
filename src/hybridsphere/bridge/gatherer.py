"""Items that wait to go together."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")


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
