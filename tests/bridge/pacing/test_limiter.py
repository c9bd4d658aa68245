"""The limit on concurrent calls, probed against a server with a fixed concurrency."""

import asyncio
import random
from dataclasses import dataclass

import pytest

from hybridsphere.bridge.pacing.limiter import START, Limiter

CALLERS = 60


@dataclass
class Server:
    """Admits a fixed number of calls at once, as reserved concurrency does."""

    admits: int
    present: int = 0
    accepted: int = 0
    rejected: int = 0

    async def call(self, turns: int) -> bool:
        if self.present >= self.admits:
            self.rejected += 1
            return False
        self.present += 1
        for _ in range(turns):
            await asyncio.sleep(0)
        self.present -= 1
        self.accepted += 1
        return True


async def call_often(limiter: Limiter, server: Server, calls: int) -> None:
    dice = random.Random(1)
    left = iter(range(calls))

    async def caller() -> None:
        for _ in left:
            while not await call_once():
                # The bridge backs off after a rejection.
                for _ in range(20):
                    await asyncio.sleep(0)

    async def call_once() -> bool:
        async with limiter:
            if await server.call(dice.randint(3, 12)):
                limiter.accepted()
                return True
            limiter.throttled()
            return False

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


@pytest.mark.parametrize("admits", [1, 2, 3, 5, 10, 40])
async def test_under_a_tenth_of_all_calls_is_rejected(admits: int) -> None:
    limiter, server = Limiter(CALLERS), Server(admits)
    await call_often(limiter, server, 2000)
    assert server.accepted == 2000
    assert server.rejected < 200


async def test_it_finds_the_pace_from_above_and_from_below() -> None:
    limiter, server = Limiter(CALLERS), Server(admits=50)
    await call_often(limiter, server, 2000)
    assert 25 <= limiter.limit <= 51
    server.admits = 4
    await call_often(limiter, server, 2000)
    assert 2 <= limiter.limit <= 5
    server.admits = 50
    await call_often(limiter, server, 4000)
    assert limiter.limit > 20


async def test_it_rises_to_the_most_and_no_further() -> None:
    limiter, server = Limiter(20), Server(admits=1000)
    await call_often(limiter, server, 500)
    assert limiter.limit == 20
    assert server.rejected == 0


@pytest.mark.parametrize("most", [1, 3, START, 50])
async def test_never_more_than_the_limit_are_under_way(most: int) -> None:
    limiter, present, peak = Limiter(most), 0, 0

    async def call() -> None:
        nonlocal present, peak
        async with limiter:
            present += 1
            peak = max(peak, present)
            await asyncio.sleep(0)
            present -= 1

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    assert peak == min(most, START)


async def test_callers_come_in_the_order_they_asked() -> None:
    limiter, order = Limiter(CALLERS), []

    async def call(number: int) -> None:
        async with limiter:
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(call(number) for number in range(CALLERS)))
    assert order == list(range(CALLERS))


async def test_a_caller_who_gives_up_leaves_the_place_to_the_next() -> None:
    limiter = Limiter(1)
    async with limiter:
        given_up = asyncio.create_task(limiter.__aenter__())
        waiting = asyncio.create_task(limiter.__aenter__())
        await asyncio.sleep(0)
        given_up.cancel()
    async with asyncio.timeout(5):
        await waiting


async def test_calls_turned_away_together_count_once() -> None:
    limiter = Limiter(CALLERS)
    async with limiter, limiter, limiter, limiter:
        for _ in range(4):
            limiter.throttled()
        assert limiter.limit == START // 2
        limiter.throttled()
        assert limiter.limit == START // 4


async def test_it_never_falls_below_one() -> None:
    limiter = Limiter(CALLERS)
    for _ in range(20):
        async with limiter:
            limiter.throttled()
    assert limiter.limit == 1


async def test_a_call_that_fails_makes_room_for_the_next() -> None:
    limiter = Limiter(1)
    with pytest.raises(ZeroDivisionError):
        async with limiter:
            raise ZeroDivisionError
    async with asyncio.timeout(5), limiter:
        pass


async def test_failed_calls_halve_the_limit_and_probing_starts_again() -> None:
    limiter = Limiter(100)
    async with limiter:
        limiter.throttled()
    async with limiter:
        limiter.failed()
    assert limiter.limit == START // 4
    for _ in range(4):
        async with limiter:
            limiter.accepted()
    # One a call, as at the very beginning, and not one a round.
    assert limiter.limit == START // 4 + 4
