"""Items that wait to go together, and many callers of one call."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from hybridsphere.bridge.batching import Batcher, Gatherer


class Shop:
    """Takes batches one at a time, each when the test says so; gives back tenfold."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.busy = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        self.busy.set()
        await self.open.wait()
        if 13 in items:
            raise LookupError("out of stock")
        return [item * 10 for item in items]


@asynccontextmanager
async def running(shop: Shop, size: int = 10) -> AsyncIterator[Batcher[int, int]]:
    batcher: Batcher[int, int] = Batcher(shop, size=size)
    work = asyncio.create_task(batcher.run())
    yield batcher
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_a_lone_item_goes_at_once() -> None:
    shop = Shop()
    async with running(shop) as batcher:
        assert await batcher.submit(1) == 10
    assert shop.batches == [[1]]


async def test_items_that_arrive_during_a_call_share_the_next() -> None:
    shop = Shop()
    shop.open.clear()
    async with running(shop, size=3) as batcher:
        first = asyncio.create_task(batcher.submit(0))
        await shop.busy.wait()
        others = [asyncio.create_task(batcher.submit(i)) for i in range(1, 6)]
        await asyncio.sleep(0)
        shop.open.set()
        assert await asyncio.gather(first, *others) == [0, 10, 20, 30, 40, 50]
    assert shop.batches == [[0], [1, 2, 3], [4, 5]]


async def test_a_failure_reaches_every_caller_of_its_batch_alone() -> None:
    shop = Shop()
    shop.open.clear()
    async with running(shop, size=2) as batcher:
        asked = [asyncio.create_task(batcher.submit(i)) for i in (12, 13, 14)]
        await asyncio.sleep(0)
        shop.open.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [LookupError, LookupError, int]


async def test_a_caller_who_gave_up_does_not_disturb_the_others() -> None:
    shop = Shop()
    shop.open.clear()
    async with running(shop) as batcher:
        asked = [asyncio.create_task(batcher.submit(i)) for i in (1, 2)]
        await shop.busy.wait()
        asked[0].cancel()
        shop.open.set()
        assert await asked[1] == 20
        with pytest.raises(asyncio.CancelledError):
            await asked[0]
        assert await batcher.submit(3) == 30


async def test_waiting_items_go_in_order_a_batch_at_a_time() -> None:
    gatherer: Gatherer[int] = Gatherer(size=2)
    for item in range(5):
        gatherer.add(item)
    assert [await gatherer.batch() for _ in range(3)] == [[0, 1], [2, 3], [4]]


async def test_a_lone_item_goes_at_once_without_a_linger() -> None:
    gatherer: Gatherer[int] = Gatherer(size=2)
    batch = asyncio.create_task(gatherer.batch())
    await asyncio.sleep(0)
    assert not batch.done()
    gatherer.add(1)
    assert await batch == [1]


async def test_a_batch_that_is_full_goes_at_once_however_long_it_would_wait() -> None:
    gatherer: Gatherer[int] = Gatherer(size=2, linger_s=3600)
    batch = asyncio.create_task(gatherer.batch())
    gatherer.add(1)
    await asyncio.sleep(0)
    assert not batch.done()
    gatherer.add(2)
    assert await batch == [1, 2]


async def test_items_that_arrive_during_the_linger_share_the_batch() -> None:
    gatherer: Gatherer[int] = Gatherer(size=10, linger_s=0.05)
    gatherer.add(1)
    batch = asyncio.create_task(gatherer.batch())
    await asyncio.sleep(0)
    gatherer.add(2)
    assert await batch == [1, 2]


async def test_an_item_beyond_a_full_batch_lingers_again() -> None:
    gatherer: Gatherer[int] = Gatherer(size=2, linger_s=3600)
    for item in range(3):
        gatherer.add(item)
    assert await gatherer.batch() == [0, 1]
    rest = asyncio.create_task(gatherer.batch())
    await asyncio.sleep(0)
    assert not rest.done()
    gatherer.add(3)
    assert await rest == [2, 3]
