"""Invocations that are turned away, fail and break, in storms; and workers that die at work."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
import pytest_asyncio

from bench.doubles.account import OUTPUT
from bench.doubles.double import Double
from bench.doubles.http import Connection, Request, Response
from bench.doubles.process import RunningDouble
from hybridsphere.bridge.pacing.limiter import START
from hybridsphere.ledger.ledger import Upload
from tests import bridge_process
from tests.acts import answer, cut, delay, lose, reset
from tests.bridge_process import BridgeProcess
from tests.faults.fault_stage import Account, Site, Size, opened
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

STORMS = {
    "429": answer(429, "TooManyRequestsException"),
    "500": answer(500, "ServiceException"),
    "reset": reset,
    "answered by half": cut,
    "done and not answered": lose,
    "late": delay(0.3),
}
"""Faults of invocations; the last is a delay, which loses nothing either."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stormy(
    account: Account, tmp_path_factory: pytest.TempPathFactory, size: Size
) -> AsyncIterator[Site]:
    async with opened(account, tmp_path_factory.mktemp("storms"), size, workers=2) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bridge(stormy: Site) -> AsyncIterator[BridgeProcess]:
    """One bridge that goes through all the storms and is never restarted."""
    async with stormy.bridge() as bridge:
        yield bridge
        assert await bridge.stop() == 0


@pytest.mark.parametrize("storm", STORMS)
async def test_a_storm_of_invocations_that_fail_loses_no_event(
    stormy: Site, bridge: BridgeProcess, size: Size, storm: str
) -> None:
    videos = [f"{storm}/{number}.mp4" for number in range(size(15, 200))]
    with stormy.function.failing(STORMS[storm], "Invoke", calls=size(15, 100)) as fault:
        await stormy.upload(videos)
        # Every faulty call was made, and all uploads still arrived.
        await until(lambda: fault.left == 0)
        await stormy.settled()
    await stormy.check()
    assert await bridge.is_ready()


@pytest.mark.parametrize("storm", ["429", "500", "reset"])
async def test_a_storm_lowers_concurrent_invocations_and_then_they_rise(
    stormy: Site, bridge: BridgeProcess, size: Size, storm: str
) -> None:
    async def limit_is(low: int, high: int) -> bool:
        return low <= await bridge.figure("invocations_limit") <= high

    with stormy.function.failing(STORMS[storm], "Invoke"):
        await stormy.upload(f"in a {storm} storm/{number}.mp4" for number in range(12))
        await until(lambda: limit_is(1, 1))
        # To be turned away is ordinary life; not to be answered is a trouble.
        assert await bridge.is_ready() == (storm == "429")
    await stormy.upload(f"after a {storm} storm/{number}.mp4" for number in range(size(30, 300)))
    await stormy.settled()
    await stormy.check()
    assert await limit_is(START, 100)
    assert await bridge.is_ready()


class Admitting(Double):
    """A double whose function runs `at_once` invocations, and throttles the others."""

    def __init__(self, at_once: int) -> None:
        super().__init__()
        self.at_once = at_once
        self.present = 0
        self.rejected = 0
        self.calls = 0

    @property
    def done(self) -> int:
        """How many results the bridge has taken and deleted."""
        return int(self._stats()[OUTPUT]["deleted"])

    async def _invoke(self, request: Request) -> Response:
        if request.headers.get("x-amz-invocation-type") == "DryRun":
            return await super()._invoke(request)
        self.calls += 1
        if self.present >= self.at_once:
            self.rejected += 1
            return Response(b'{"message": "Rate Exceeded."}', HTTPStatus.TOO_MANY_REQUESTS)
        self.present += 1
        try:
            await asyncio.sleep(random.uniform(0.004, 0.012))
            return await super()._invoke(request)
        finally:
            self.present -= 1


@asynccontextmanager
async def serving(double: Double) -> AsyncIterator[RunningDouble]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(double.answer), "127.0.0.1", 0)
    async with server:
        yield RunningDouble(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


@pytest.mark.parametrize("kind", ["Event", "RequestResponse"])
async def test_under_a_tenth_of_calls_exceed_a_fixed_concurrency(
    size: Size, tmp_path: Path, kind: str, tell: Callable[[str], None]
) -> None:
    messages = size(300, 3000)
    for at_once in (5,) if size.small else (1, 5, 20):
        double = Admitting(at_once)
        async with serving(double) as running:
            environment = {
                **running.environment,
                "HYBRIDSPHERE_RESULTS_DIR": str(tmp_path / f"results {at_once}"),
                "HYBRIDSPHERE_INVOCATION_TYPE": kind,
                "HYBRIDSPHERE_HTTP": "127.0.0.1:0",
            }
            async with bridge_process.running(environment, size.bridge) as bridge:
                double._fill(messages)
                await until(lambda: double.done >= messages)  # noqa: B023 - awaited at once
                assert await bridge.stop() == 0
        tell(f"{kind}, {at_once} at once: {double.rejected} of {double.calls} calls rejected")
        assert double.calls - double.rejected >= messages
        assert double.rejected < double.calls / 10


DEATHS = {
    "killed": "Runtime.ExitError: .*signal: killed",
    "crowded": "MemoryError",
    "fail": "ValueError: told to fail",
}


@pytest.mark.parametrize(
    ("kind", "because"), [("Event", "RetriesExhausted"), ("RequestResponse", "FunctionError")]
)
async def test_a_video_that_kills_its_worker_is_retried_then_failed(
    open_site: Callable[..., Awaitable[Site]], kind: str, because: str
) -> None:
    site = await open_site(workers=2)
    async with site.bridge(HYBRIDSPHERE_INVOCATION_TYPE=kind) as bridge:
        for manner in DEATHS:
            await site.upload([f"{manner}/once.mp4", f"{manner}/always.mp4"])
        await site.settled()
        assert await bridge.stop() == 0
    rows = {row.key: row for row in site.rows()}
    assert len(rows) == len(site.rows()) == len(site.csvs()) == len(site.uploaded)
    for manner, reason in DEATHS.items():
        check_failed(site, rows[f"{manner}/always.mp4"], f"{because}: {reason}")
        # A retry that succeeds leaves no trace.
        lucky = rows[f"{manner}/once.mp4"]
        assert (lucky.status, lucky.reason) == ("no_face", None)
        assert site.attempts(lucky.key) >= 2
    # Its output is kept, and searched for secrets.
    assert "told to fail" in (site.folder / "function.log").read_text()
    assert await site.counts(site.dead) == (0, 0)


async def test_a_video_that_takes_too_long_is_retried_then_failed(
    open_site: Callable[..., Awaitable[Site]],
) -> None:
    # Time enough to note each attempt.
    site = await open_site(workers=1, timeout_s=1)
    async with site.bridge() as bridge:
        await site.upload(["endless/always.mp4"])
        await site.settled()
        assert await bridge.stop() == 0
    (row,) = site.rows()
    check_failed(site, row, "RetriesExhausted: Sandbox.Timedout: .*timed out after 1.00 seconds")


def check_failed(site: Site, row: Upload, reason: str) -> None:
    assert row.status == "failed"
    assert row.reason
    assert re.match(reason, row.reason, re.DOTALL)
    assert site.csvs()[f"{row.key}.csv"] == "name,major,year,status\r\n,,,failed\r\n"
    # More attempts if SQS delivered it twice.
    assert site.attempts(row.key) >= 3
