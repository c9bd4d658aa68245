"""Many callers, one call: what is asked for while a call is under way goes together in the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from hybridsphere.bridge.gatherer import Gatherer

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


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
