"""Bridges that are killed or stopped in the middle of many videos."""

import asyncio
import itertools
import json
import random
import signal
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
)
from datetime import datetime
from typing import Any

import pytest

from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.messages import parse_s3_event
from tests import bridge_process
from tests.acts import Exchange, hang, stall
from tests.bridge_process import BridgeProcess
from tests.faults import dying_bridge
from tests.faults.fault_stage import Site, Size
from tests.stage import PATIENCE_S, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def batched(keys: list[str], size: int) -> list[list[str]]:
    return [keys[start : start + size] for start in range(0, len(keys), size)]


STEPS = list(itertools.product(["ReceiveMessage", "Invoke", "DeleteMessageBatch"], [False, True]))
"""At which call a bridge is killed, and whether that has been done by then, or never will be."""

Moment = AbstractAsyncContextManager[tuple[str, str]]
"""While videos are uploaded: when the moment is, and which bridge is to be killed then."""


@asynccontextmanager
async def at_a_step(
    site: Site, chance: random.Random, uploading: list[str], operation: str, done: bool
) -> AsyncIterator[tuple[str, str]]:
    """Report the callers of calls that are never answered."""
    callers: asyncio.Queue[str] = asyncio.Queue()

    async def act(exchange: Exchange) -> None:
        if done:
            await exchange.forward()
        callers.put_nowait(exchange.call.access_key)
        await hang(exchange)

    door = site.function if operation == "Invoke" else site.queues
    # There are as many invocations as videos, and a batch of deletes on either queue at least.
    first = chance.randrange(len(uploading) if operation == "Invoke" else 2)
    with door.failing(act, operation, calls=1, after=first):
        upload = asyncio.create_task(site.upload(uploading))
        async with asyncio.timeout(PATIENCE_S):
            victim = await callers.get()
        yield f"{'after' if done else 'before'} {operation}", victim
    await upload


@asynccontextmanager
async def at_random(
    site: Site, chance: random.Random, uploading: list[str], bridges: list[str]
) -> AsyncIterator[tuple[str, str]]:
    """Some calls after the first upload, and some time after the last of these."""
    calls, wait_s = chance.randrange(len(uploading)), chance.uniform(0, 0.1)
    wanted = len(site.queues.calls) + len(site.function.calls) + calls
    upload = asyncio.create_task(site.upload(uploading))
    await until(lambda: len(site.queues.calls) + len(site.function.calls) >= wanted)
    await asyncio.sleep(wait_s)
    yield f"{wait_s * 1000:.0f} ms after {calls} calls", chance.choice(bridges)
    await upload


# The moments are the seed's: what happens at them is not.
async def test_two_bridges_killed_repeatedly_lose_and_repeat_nothing(
    site: Site, size: Size, seed: int, tell: Callable[[str], None]
) -> None:
    chance = random.Random(seed)
    steps = chance.sample(STEPS * size(1, 2), size(len(STEPS), 10))
    moments = [*steps, *[None] * size(3, 10)]
    chance.shuffle(moments)
    kills, portion = len(moments), size(6, 25)
    keys = [f"lecture {number // portion}/{number}.mp4" for number in range(kills * portion)]
    tell(f"seed {seed} chooses the moments of {kills} kills in {len(keys)} videos")
    async with AsyncExitStack() as stack:
        lives: dict[str, BridgeProcess] = {}

        async def start() -> str:
            # The proxies tell by it whose call it is.
            name = f"life-{len(lives)}"
            lives[name] = await stack.enter_async_context(site.bridge(AWS_ACCESS_KEY_ID=name))
            return name

        bridges = [await start(), await start()]
        killed: set[str] = set()
        for kill, part in enumerate(batched(keys, portion)):
            step = moments[kill]
            moment: Moment = (
                at_a_step(site, chance, part, *step)
                if step
                else at_random(site, chance, part, bridges)
            )
            async with moment as (at, victim):
                await lives[victim].kill()
            tell(f"kill {kill + 1} of {kills}, {at}: {len(site.ended())} videos have ended")
            killed.add(victim)
            bridges.remove(victim)
            bridges.append(await start())
        await site.settled()
        assert [await lives[name].stop() for name in bridges] == [0, 0]
    await site.check()
    with closing(sqlite3.connect(ledger_path(site.results))) as ledger:
        assert ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check_that_nothing_was_stored_twice(list(lives.values()))
    repeated = check_that_only_the_killed_were_repeated(site, killed)
    tell(f"{repeated} invocations were made again")


def check_that_only_the_killed_were_repeated(site: Site, killed: set[str]) -> int:
    """An event is invoked for again only if who did so before was killed; how often that was."""
    forgiven = given_twice_at_once(site)
    callers = defaultdict(list)
    for call in site.function.of("Invoke"):
        (record,) = parse_s3_event(call.body.decode())
        callers[record.key].append(call.access_key)
    assert callers.keys() == set(site.uploaded)
    for key, names in callers.items():
        assert killed.issuperset(names[:-1]) or key in forgiven, (key, names)
        # The function was not run more often than it was invoked, and at least once.
        assert 1 <= site.attempts(key) <= len(names)
    return sum(len(names) - 1 for key, names in callers.items() if key not in forgiven)


def given_twice_at_once(site: Site) -> set[str]:
    """The keys whose event was hidden and still given again, as moto's threads do now and then."""
    given = defaultdict(list)
    for call in site.queues.of("ReceiveMessage", queue=site.inputs.rpartition("/")[2]):
        for message in json.loads(call.answer or b"{}").get("Messages", []):
            for record in parse_s3_event(message["Body"]):
                given[record.key].append(call.answered_at)
    # Well within the shortest time-out.
    return {
        key
        for key, times in given.items()
        if any(later - earlier < 1 for earlier, later in itertools.pairwise(sorted(times)))
    }


def check_that_nothing_was_stored_twice(bridges: Sequence[BridgeProcess]) -> None:
    """Check that one of the bridges wrote each version once, however often it was delivered."""
    written = [
        (line["key"], line["version"]) for one in bridges for line in one.of("result.written")
    ]
    assert len(written) == len(set(written))


@pytest.mark.parametrize("moment", dying_bridge.MOMENTS)
async def test_work_is_done_once_if_the_bridge_is_killed_between_two_steps(
    site: Site, size: Size, moment: str
) -> None:
    await site.upload(f"{number}.mp4" for number in range(3))
    arguments = ["-m", "tests.faults.dying_bridge", moment]
    beside = size(0, 1)
    async with AsyncExitStack() as stack:

        async def start(count: int) -> list[BridgeProcess]:
            """Start `count` bridges at once."""
            starting = [stack.enter_async_context(site.bridge()) for _ in range(count)]
            return list(await asyncio.gather(*starting))

        # The victim must be the first to open the ledger.
        before = 0 if moment in dying_bridge.AT_THE_START else beside
        bridges = await start(before)
        async with bridge_process.started(arguments, site.environment()) as victim:
            if before:
                await victim.seen("bridge.ready")
            # The other may take what it was to die of.
            while before and not victim.has_ended:
                await site.upload([f"{len(site.uploaded)}.mp4"])
            assert await victim.ended() == -signal.SIGKILL
        bridges += await start(1 + beside - before)
        await site.settled()
        assert {await bridge.stop() for bridge in bridges} == {0}
    await site.check()
    check_that_nothing_was_stored_twice([victim, *bridges])


async def test_a_stop_under_load_leaves_the_rest_to_the_next_bridge(
    site: Site, size: Size, seed: int, tell: Callable[[str], None]
) -> None:
    chance = random.Random(seed)
    stops, portion = size(2, 10), size(8, 25)
    keys = [f"lecture {number // portion}/{number}.mp4" for number in range(stops * portion)]
    uploads: list[asyncio.Task[None]] = []
    for stop, part in enumerate(batched(keys, portion)):
        since = asyncio.get_running_loop().time()
        with stalled(site, after=chance.randrange(1, portion)) as let_go:
            async with site.bridge() as bridge:
                uploads.append(asyncio.create_task(site.upload(part)))
                await until(lambda: is_at_work(site))
                stopping = asyncio.create_task(bridge.stop())
                for queue in ("input", "output"):
                    await bridge.seen("queue.draining", queue=queue)
                let_go()
                assert await stopping == 0
        began, ended = bridge.of("bridge.draining")[0], bridge.of("bridge.stopped")[0]
        took_s = (when(ended) - when(began)).total_seconds()
        held = {line["queue"]: line["held"] for line in bridge.of("queue.draining")}
        left = {line["queue"]: line["left"] for line in bridge.of("queue.drained")}
        tell(f"stop {stop + 1} of {stops}: held {held}, left {left} after {took_s:.2f} s")
        assert took_s < began["within_s"]
        assert left == {"input": 0, "output": 0}
        # Until it was let go, nothing had been deleted.
        assert held == {
            "input": deleted(site, site.inputs, since),
            "output": deleted(site, site.outputs, since),
        }
        assert min(held.values()) > 0
    async with site.bridge() as bridge:
        await asyncio.gather(*uploads)
        await site.settled()
        assert await bridge.stop() == 0
    await site.check()
    # Nobody was killed: nothing had to be done again.
    assert check_that_only_the_killed_were_repeated(site, set()) == 0


@contextmanager
def stalled(site: Site, after: int) -> Iterator[Callable[[], None]]:
    """Hold up every deletion, and every event after the first `after`, during the context."""
    with (
        site.function.failing(stall, "Invoke", after=after) as invocations,
        site.queues.failing(stall, "DeleteMessageBatch") as deletions,
    ):

        def let_go() -> None:
            invocations.over.set()
            deletions.over.set()

        yield let_go


def is_at_work(site: Site) -> bool:
    """Whether an event is being invoked for, and a result being deleted."""
    outputs = site.outputs.rpartition("/")[2]
    invoked = any(call.is_under_way for call in site.function.of("Invoke"))
    stored = site.queues.of("DeleteMessageBatch", queue=outputs)
    return invoked and any(call.is_under_way for call in stored)


def deleted(site: Site, queue_url: str, since: float) -> int:
    """How many messages of a queue were deleted."""
    calls = site.queues.of("DeleteMessageBatch", since=since, queue=queue_url.rpartition("/")[2])
    return sum(len(json.loads(call.body)["Entries"]) for call in calls)


def when(line: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(line["timestamp"])
