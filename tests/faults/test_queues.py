"""SQS in trouble, of every kind: asked calmly meanwhile, and used again once it is well."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from bridge_process import BridgeProcess
from fault_stage import Account, Site, Size, opened, until
from hurried_bridge import HURRY
from proxy import Proxy, answer, cut, hang, lose, reset
from samples import record, result, s3_event

from hybridsphere.bridge import backoff
from hybridsphere.bridge.poller import RECEIVERS

in_one_loop = pytest.mark.asyncio(loop_scope="session")

Fault = Callable[[Proxy], AbstractAsyncContextManager[Any]]


def failing(act: Any) -> Fault:
    @asynccontextmanager
    async def fault(proxy: Proxy) -> AsyncIterator[None]:
        with proxy.failing(act):
            # Otherwise the polls that are under way would not notice for twenty seconds.
            proxy.drop()
            yield

    return fault


FAULTS: dict[str, Fault] = {
    "answers 500": failing(answer(500, "InternalFailure")),
    "answers 503": failing(answer(503, "ServiceUnavailable")),
    "answers OverLimit": failing(answer(403, "OverLimit")),
    "does not answer": failing(hang),
    "resets": failing(reset),
    "answers by half": failing(cut),
    "does what it is told and does not answer": failing(lose),
    "refuses connections": Proxy.refusing,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    account: Account, tmp_path_factory: pytest.TempPathFactory, size: Size
) -> AsyncIterator[Site]:
    async with opened(account, tmp_path_factory.mktemp("queues"), size, workers=1) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bridge(site: Site) -> AsyncIterator[BridgeProcess]:
    """One bridge that goes through all the troubles, one after another, and is never restarted."""
    async with site.bridge() as bridge:
        yield bridge
        assert await bridge.stop() == 0


_serial = itertools.count()


async def both_ways(site: Site) -> None:
    """An upload comes to its end, by its event and by its result."""
    key = f"{next(_serial)}.mp4"
    await site.send(site.inputs, s3_event(record(key, bucket=site.bucket)))
    await until(lambda: key in site.ended())


@in_one_loop
@pytest.mark.parametrize("trouble", FAULTS)
async def test_sqs_in_trouble_is_asked_twice_a_second_at_most_and_used_again_in_five_seconds(
    site: Site, bridge: BridgeProcess, size: Size, trouble: str, tell: Callable[[str], None]
) -> None:
    hurry = HURRY if size.small else 1
    clock = asyncio.get_running_loop().time
    await both_ways(site)
    for outage_s in (1,) if size.small else (1, 60):
        began = clock()
        async with FAULTS[trouble](site.queues):
            await asyncio.sleep(outage_s)

            async def unready() -> bool:
                status, troubles = await bridge.readiness()
                return status == 503 and {"input queue", "output queue"} <= troubles.keys()

            await until(unready)
            ended = clock()
        for queue in (site.inputs, site.outputs):
            name = queue.rpartition("/")[2]
            asked = site.queues.of("ReceiveMessage", since=began, queue=name)
            meanwhile = [call for call in asked if call.at < ended]
            # Two a second, and the one at once that each loop learns by.
            assert len(meanwhile) <= RECEIVERS * (2 * hurry * (ended - began) + 2)
            await until(
                lambda name=name: (
                    len(site.queues.of("ReceiveMessage", since=ended, queue=name)) >= RECEIVERS
                )
            )
            first = site.queues.of("ReceiveMessage", since=ended, queue=name)[0]
            tell(
                f"SQS {trouble} for {outage_s} s: {len(meanwhile)} receives of {name} meanwhile, "
                f"the next {first.at - ended:.2f} s after"
            )
            # By the clock only where nothing else runs; here it is the bridge's own bound.
            assert size.small or first.at - ended < 5
        await both_ways(site)
        await until(lambda: is_ready(bridge))


async def is_ready(bridge: BridgeProcess) -> bool:
    return await bridge.readiness() == (200, {})


def test_the_longest_wait_is_shorter_than_five_seconds_and_the_shortest_half_a_second() -> None:
    assert backoff.FIRST_S >= 0.5
    assert backoff.LONGEST_S < 5
