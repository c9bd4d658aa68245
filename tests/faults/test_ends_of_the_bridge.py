"""Bridges that are killed, and bridges that are told to stop, in the middle of many videos."""

import asyncio
import itertools
import random
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import datetime
from typing import Any

import bridge_process
import dying_bridge
import pytest
from acts import Exchange, hang
from bridge_process import BridgeProcess
from fault_stage import Site, Size
from stage import PATIENCE_S

from hybridsphere.ledger import ledger_path

pytestmark = pytest.mark.asyncio(loop_scope="session")


def batched(keys: list[str], size: int) -> list[list[str]]:
    return [keys[start : start + size] for start in range(0, len(keys), size)]


async def some_calls(site: Site, most: int) -> None:
    """Wait until a few more calls have arrived at either door; every number is a moment."""
    doors = (site.queues, site.function)
    so_far = sum(len(door.calls) for door in doors)
    wanted = so_far + random.randint(1, most)
    while sum(len(door.calls) for door in doors) < wanted:
        waits = [asyncio.create_task(door.arrived(len(door.calls) + 1)) for door in doors]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


MOMENTS = list(itertools.product(["ReceiveMessage", "Invoke", "DeleteMessageBatch"], [False, True]))
"""At which call a bridge is killed, and whether that has been done by then, or never will be."""


@asynccontextmanager
async def caught(
    site: Site, operation: str, *, done: bool, uploading: list[str]
) -> AsyncIterator[str]:
    """While videos are uploaded, one such call is never answered; the access key it came with."""
    callers: asyncio.Queue[str] = asyncio.Queue()

    async def act(exchange: Exchange) -> None:
        if done:
            await exchange.forward()
        callers.put_nowait(exchange.call.access_key)
        await hang(exchange)

    door = site.function if operation == "Invoke" else site.queues
    # There are as many invocations as videos, and a batch of deletes on either queue at least.
    first = random.randrange(len(uploading) if operation == "Invoke" else 2)
    with door.failing(act, operation, calls=1, after=first):
        upload = asyncio.create_task(site.upload(uploading))
        async with asyncio.timeout(PATIENCE_S):
            yield await callers.get()
    await upload


# pytest-randomly seeds `random`, and says how: `-p randomly --randomly-seed=…` repeats the moments.
async def test_killed_again_and_again_two_bridges_lose_nothing_and_do_nothing_twice(
    site: Site, size: Size, tell: Callable[[str], None]
) -> None:
    kills, portion = size(len(MOMENTS), 20), size(6, 25)
    moments = random.sample(MOMENTS * 4, kills) if kills > len(MOMENTS) else MOMENTS
    keys = [f"lecture {number // portion}/{number}.mp4" for number in range(kills * portion)]
    async with AsyncExitStack() as stack:

        async def start(name: str) -> BridgeProcess:
            # The proxies tell by it whose call it is.
            return await stack.enter_async_context(site.bridge(AWS_ACCESS_KEY_ID=name))

        bridges = {name: await start(name) for name in ("one", "other")}
        for kill, part in enumerate(batched(keys, portion)):
            operation, done = moments[kill]
            async with caught(site, operation, done=done, uploading=part) as victim:
                await bridges[victim].kill()
            tell(
                f"kill {kill + 1} of {kills}, {'after' if done else 'before'} {operation}: "
                f"{len(site.ended())} videos have ended"
            )
            bridges[victim] = await start(victim)
        await site.settled()
        assert [await bridge.stop() for bridge in bridges.values()] == [0, 0]
    await site.check()
    with closing(sqlite3.connect(ledger_path(site.results))) as ledger:
        assert ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("moment", dying_bridge.MOMENTS)
async def test_killed_between_two_steps_of_its_work_the_next_one_does_it_once(
    site: Site, moment: str
) -> None:
    await site.upload(f"{number}.mp4" for number in range(3))
    arguments = [dying_bridge.__file__, moment]
    async with bridge_process.started(arguments, site.environment()) as victim:
        assert await victim.ended() == -signal.SIGKILL
    async with site.bridge() as bridge:
        await site.settled()
        assert await bridge.stop() == 0
    await site.check()


async def test_told_to_stop_under_load_it_finishes_what_it_holds_and_the_next_one_the_rest(
    site: Site, size: Size, tell: Callable[[str], None]
) -> None:
    stops, portion = size(2, 10), size(8, 25)
    keys = [f"lecture {number // portion}/{number}.mp4" for number in range(stops * portion)]
    uploads: list[asyncio.Task[None]] = []
    for stop, part in enumerate(batched(keys, portion)):
        async with site.bridge() as bridge:
            uploads.append(asyncio.create_task(site.upload(part)))
            await some_calls(site, most=portion)
            assert await bridge.stop() == 0
        began, ended = bridge.of("bridge.draining")[0], bridge.of("bridge.stopped")[0]
        took_s = (when(ended) - when(began)).total_seconds()
        held = {line["queue"]: line["held"] for line in bridge.of("queue.draining")}
        left = {line["queue"]: line["left"] for line in bridge.of("queue.drained")}
        tell(f"stop {stop + 1} of {stops}: held {held}, left {left} after {took_s:.2f} s")
        assert took_s < began["within_s"]
        assert left == {"input": 0, "output": 0}
    async with site.bridge() as bridge:
        await asyncio.gather(*uploads)
        await site.settled()
        assert await bridge.stop() == 0
    await site.check()


def when(line: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(line["timestamp"])
