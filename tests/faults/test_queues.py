"""SQS in trouble, of every kind: asked calmly meanwhile, and used again once it is well."""

import asyncio
import itertools
import math
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hybridsphere.bridge.pacing import backoff
from hybridsphere.bridge.queue import poller
from hybridsphere.bridge.queue.poller import RECEIVERS
from tests.acts import Act, answer, cut, drip, hang, lose, reset, swallow
from tests.bridge_process import BridgeProcess, running
from tests.call import Call
from tests.faults.fault_stage import Account, Site, Size, opened
from tests.faults.hurried_bridge import HURRY
from tests.faults.opens import opens_of
from tests.proxy import Proxy
from tests.samples import record, result, s3_event
from tests.stage import until

in_one_loop = pytest.mark.asyncio(loop_scope="session")

Fault = Callable[[Proxy], AbstractAsyncContextManager[Any]]


def failing(act: Act) -> Fault:
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
    "never answers": failing(swallow),
    "answers byte by byte": failing(drip),
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


BOTH = ("input queue", "output queue")
_serial = itertools.count()


async def both_ways(site: Site) -> None:
    """An upload comes to its end, by its event and by its result."""
    key = f"{next(_serial)}.mp4"
    await site.send(site.inputs, s3_event(record(key, bucket=site.bucket)))
    await until(lambda: key in site.ended())


async def outage(
    site: Site, bridge: BridgeProcess, trouble: str, seconds: float
) -> tuple[float, float]:
    """Trouble SQS for `seconds`, and until /readyz reports it; yields its start and end."""
    clock = asyncio.get_running_loop().time
    began, ended = clock(), len(bridge.of("trouble.ended"))
    async with FAULTS[trouble](site.queues):
        await asyncio.sleep(seconds)
        await until(lambda: bridge.is_troubled(*BOTH))
        # An older poll may be answered meanwhile.
        assert len(bridge.of("trouble.ended")) == ended
    return began, clock()


async def back_after(site: Site, queue: str, ended: float) -> float:
    """How long after the end of an outage a queue was asked again, in seconds."""

    def asked() -> list[float]:
        calls = site.queues.of("ReceiveMessage", queue=queue)
        return [max(call.at, ended) for call in calls if call.at >= ended or call.is_under_way]

    await until(lambda: bool(asked()))
    return min(asked()) - ended


@in_one_loop
@pytest.mark.parametrize("trouble", FAULTS)
async def test_sqs_in_trouble_is_asked_calmly_and_used_soon_after(
    site: Site, bridge: BridgeProcess, size: Size, trouble: str, tell: Callable[[str], None]
) -> None:
    a_second = 2 * HURRY if size.small else 2
    await both_ways(site)
    for seconds in (1,) if size.small else (1, 60):
        began, ended = await outage(site, bridge, trouble, seconds)
        for queue in (site.inputs, site.outputs):
            name = queue.rpartition("/")[2]
            asked = site.queues.of("ReceiveMessage", since=began, queue=name)
            meanwhile = [call for call in asked if call.at < ended]
            # And the one at once by which each receiver learns of the trouble.
            assert len(meanwhile) <= a_second * (ended - began) + RECEIVERS
            back_s = await back_after(site, name, ended)
            tell(
                f"SQS {trouble} for {ended - began:.0f} s: {len(meanwhile)} receives of {name} "
                f"meanwhile, the next one {back_s:.2f} s after"
            )
            # By the clock only in a soak; else see the bridge's own bound, below.
            assert size.small or back_s < 5
        await until(bridge.is_ready)
        await both_ways(site)


@in_one_loop
async def test_failing_deletes_are_retried_twice_a_second_at_most(
    site: Site, bridge: BridgeProcess, size: Size
) -> None:
    a_second = 2 * HURRY if size.small else 2
    clock = asyncio.get_running_loop().time
    keys = [f"held {number}.mp4" for number in range(60)]
    with site.queues.failing(answer(500, "InternalFailure"), "DeleteMessageBatch"):
        await site.send(site.outputs, *(result(key, bucket=site.bucket).to_json() for key in keys))
        await until(lambda: site.ended().keys() >= set(keys))
        await until(lambda: bridge.is_troubled("output queue deletes"))
        began = clock()
        await asyncio.sleep(1)
        ended = clock()
    asked = site.queues.of("DeleteMessageBatch", since=began)
    assert len([call for call in asked if call.at < ended]) <= a_second * (ended - began) + 1
    await until(site.is_drained)
    await until(bridge.is_ready)


IN_A_WORLD_OF_ITS_OWN = """
mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && shift 2 && exec "$@"
"""
UNSHARE = ["unshare", "--map-root-user", "--mount"]
BY_NAME = "by-name"
"""The access key by which the proxy knows the calls of a bridge that finds SQS by a name."""
NOBODY = "127.0.0.1 localhost\n"
SQS = "127.0.0.1 localhost sqs.hybridsphere.test\n"


def can_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode == 0


needs_a_world = pytest.mark.skipif(
    not can_unshare(), reason="needs user and mount namespaces (unshare)"
)


def knowing_sqs_by_name(
    site: Site, folder: Path, hosts: Path
) -> AbstractAsyncContextManager[BridgeProcess]:
    """A bridge that finds SQS by a name, for which it looks in `hosts` alone."""
    resolver = folder / "resolv.conf"
    # A name server that does not answer, unlike the machine's own perhaps.
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    before = [*UNSHARE, "sh", "-c", IN_A_WORLD_OF_ITS_OWN, "sh", str(hosts), str(resolver)]
    endpoint = f"http://sqs.hybridsphere.test:{site.queues.port}"
    environment = {
        **site.environment(AWS_ENDPOINT_URL=endpoint, AWS_ACCESS_KEY_ID=BY_NAME),
        "HYBRIDSPHERE_RESULTS_DIR": str(folder / "results"),
    }
    for name in ("INPUT", "OUTPUT", "DEAD_LETTER"):
        variable = f"HYBRIDSPHERE_{name}_QUEUE_URL"
        environment[variable] = environment[variable].replace(site.queues.endpoint, endpoint)
    return running(environment, site.size.bridge, before)


@in_one_loop
@needs_a_world
async def test_an_unresolved_name_is_looked_up_calmly_until_it_resolves(
    site: Site, tmp_path: Path, size: Size, tell: Callable[[str], None]
) -> None:
    a_second = 2 * HURRY if size.small else 2
    clock = asyncio.get_running_loop().time
    hosts = tmp_path / "hosts"
    hosts.write_text(NOBODY)
    async with knowing_sqs_by_name(site, tmp_path, hosts) as bridge:
        for seconds in (1,) if size.small else (1, 60):
            # In place, since it is the file itself that is mounted there.
            hosts.write_text(NOBODY)
            with opens_of(hosts) as look_ups:
                began = clock()
                # Until it has forgotten the address too, which it keeps for some seconds.
                async with site.queues.refusing():
                    await until(lambda: look_ups.count > 0)
                    await until(lambda: bridge.is_troubled(*BOTH, word="sqs.hybridsphere.test"))
                forgot = clock()
                await asyncio.sleep(seconds)
                assert await bridge.is_troubled(*BOTH, word="sqs.hybridsphere.test")
                ended, made = clock(), look_ups.count
            hosts.write_text(SQS)
            assert received_by_name(site, forgot, before=ended) == []
            # And the one at once by which each receiver learns of it.
            assert made <= len(BOTH) * (a_second * (ended - began) + RECEIVERS)
            await until(bridge.is_ready)
            asked = {call.queue: call.at for call in reversed(received_by_name(site, ended))}
            back_s = max(asked.values()) - ended
            tell(
                f"SQS has no address for {ended - began:.0f} s: {made} look-ups meanwhile, "
                f"the last queue is asked {back_s:.2f} s after"
            )
            assert len(asked) == len(BOTH)
            # By the clock only in a soak; else see the bridge's own bound, below.
            assert size.small or back_s < 5
        assert await bridge.stop() == 0


def received_by_name(site: Site, since: float, before: float = math.inf) -> list[Call]:
    calls = site.queues.of("ReceiveMessage", since=since)
    return [call for call in calls if call.access_key == BY_NAME and call.at < before]


@in_one_loop
@needs_a_world
async def test_a_look_up_that_hangs_does_not_hold_up_the_end(site: Site, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    # Opening a FIFO waits for a writer, and nobody writes.
    os.mkfifo(hosts)
    async with knowing_sqs_by_name(site, tmp_path, hosts) as bridge:
        await bridge.seen("probe.failed", times=2, reason="no answer")
        assert await bridge.stop() == 0


def test_waits_last_from_half_a_second_to_under_five() -> None:
    assert backoff.FIRST_S >= 0.5
    # From one try to the next, whether it is answered or not.
    assert max(backoff.LONGEST_S, poller.MISSED_S) < 5
