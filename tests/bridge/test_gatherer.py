"""Items that wait to go together."""

import asyncio

from hybridsphere.bridge.gatherer import Gatherer


async def test_what_waits_goes_in_the_order_in_which_it_came_a_batch_at_a_time() -> None:
    gatherer: Gatherer[int] = Gatherer(size=2)
    for item in range(5):
        gatherer.add(item)
    assert [await gatherer.batch() for _ in range(3)] == [[0, 1], [2, 3], [4]]


async def test_a_lone_item_goes_at_once_where_nobody_is_waited_for() -> None:
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


async def test_what_comes_while_an_item_waits_for_company_goes_with_it() -> None:
    gatherer: Gatherer[int] = Gatherer(size=10, linger_s=0.05)
    gatherer.add(1)
    batch = asyncio.create_task(gatherer.batch())
    await asyncio.sleep(0)
    gatherer.add(2)
    assert await batch == [1, 2]


async def test_of_a_full_batch_and_one_item_the_item_waits_anew() -> None:
    gatherer: Gatherer[int] = Gatherer(size=2, linger_s=3600)
    for item in range(3):
        gatherer.add(item)
    assert await gatherer.batch() == [0, 1]
    rest = asyncio.create_task(gatherer.batch())
    await asyncio.sleep(0)
    assert not rest.done()
    gatherer.add(3)
    assert await rest == [2, 3]
