"""Uploads at the double's host, by the real client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.doubles.places import PlacesDouble, places_double
from bench.uploads import record
from hybridsphere.aws import connect
from hybridsphere.bridge.places.homes import Homes
from hybridsphere.bridge.places.places import Backlog, Places
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.keys import KeyPair
from tests.stage import until

KEY = KeyPair("HSKEY", "a secret that is long enough")


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")


@asynccontextmanager
async def at_home(
    workers: int, video_s: float, backlog: Backlog | None = None
) -> AsyncIterator[tuple[PlacesDouble, Places, Health]]:
    """A host, and the places of a bridge that has no function."""
    health, metrics = Health(), Metrics()
    health.started()
    places = Places(
        cloud=None, budget=None, backlog=backlog, longest_s=30, health=health, metrics=metrics
    )
    async with (
        places_double(workers, video_s) as (double, _),
        connect(polls=1, invocations=1, invocation_type="Event") as aws,
    ):
        double._fill(20)
        homes = Homes(
            [double.home],
            places,
            lambda url: aws.host(url, KEY, 10),
            most=10,
            health=health,
            metrics=metrics,
        )
        await homes.find()
        running = asyncio.create_task(places.run())
        try:
            yield double, places, health
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_a_cancelled_upload_gives_its_place_back() -> None:
    async with at_home(1, 0.2) as (double, places, _):
        calls = [asyncio.create_task(places.invoke(record(number))) for number in range(6)]
        await until(lambda: double._running == 1)
        # One that runs, and one that waits.
        calls[0].cancel()
        calls[-1].cancel()
        done = await asyncio.gather(*calls[1:-1])
        assert [error for _, error, _ in done] == [None] * 4
        (home,) = places.homes
        assert home.room.running == 0
        assert not places._waiting


async def test_an_upload_that_has_come_is_no_longer_on_the_queue() -> None:
    """Otherwise home gets too few of the last uploads: they count twice."""

    async def backlog() -> int:
        return 4

    async with at_home(1, 5, backlog) as (double, places, _):
        calls = [asyncio.create_task(places.invoke(record(number))) for number in range(2)]
        await until(lambda: double._running == 1)
        await until(lambda: places._situation().behind == 4)
        calls += [asyncio.create_task(places.invoke(record(number))) for number in range(2, 5)]
        await asyncio.sleep(0)
        situation = places._situation()
        assert (situation.waiting, situation.behind) == (4, 1)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)


async def test_a_host_that_is_down_at_first_is_used_once_it_answers() -> None:
    async with at_home(2, 0.01) as (double, places, health):
        double.kill_home()
        call = asyncio.create_task(places.invoke(record(1)))
        await until(lambda: f"private endpoint {double.home}" in health.troubles)
        assert not call.done()
        await double.start_home()
        _, error, place = await asyncio.wait_for(call, 20)
        assert (error, place.name) == (None, double.home)
        assert health.troubles == {}
