"""Many callers, one call: what is asked for while a call is under way goes together in the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Batcher(Generic[Item, Outcome]):
    """Gathers items into batches; waits for nobody, so a lone item goes at once.

    `flush` takes up to `size` items and returns an outcome for each, in their order. If it raises,
    every item of its batch fails with that.
    """

    def __init__(
        self, flush: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]], *, size: int
    ) -> None:
        self._flush = flush
        self._size = size
        self._waiting: asyncio.Queue[tuple[Item, asyncio.Future[Outcome]]] = asyncio.Queue()

    async def submit(self, item: Item) -> Outcome:
        """The outcome of an item, once the batch it went with is done."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((item, future))
        return await future

    async def run(self) -> None:
        """Flush batch after batch, until cancelled."""
        while True:
            batch = await self._gather()
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

    async def _gather(self) -> list[tuple[Item, asyncio.Future[Outcome]]]:
        batch = [await self._waiting.get()]
        while len(batch) < self._size and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        return batch
