"""When the bridge asks for more hosts, or fewer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from hybridsphere.bridge.places import scaling as module
from hybridsphere.bridge.places.scaling import AGAIN_S, IN_AFTER_S, OUT_AFTER_S, Scaling


class Figures:
    foreseen_s = 0.0
    load = 0.0


def scaling(figures: Figures, url: str | None = None) -> Scaling:
    return Scaling(
        url,
        None,
        longest_s=30,
        foreseen_s=lambda: figures.foreseen_s,
        load=lambda: figures.load,
    )


def test_a_wait_that_stays_long_asks_for_a_host_again_and_again() -> None:
    figures = Figures()
    figures.foreseen_s = 16
    one = scaling(figures)
    assert one.due(0) is None
    assert one.due(OUT_AFTER_S - 1) is None
    assert one.due(OUT_AFTER_S) == "out"
    assert one.due(OUT_AFTER_S + AGAIN_S - 1) is None
    assert one.due(OUT_AFTER_S + AGAIN_S) == "out"


def test_a_short_burst_asks_for_nothing() -> None:
    figures = Figures()
    figures.foreseen_s = 16
    figures.load = 1.0
    one = scaling(figures)
    assert one.due(0) is None
    figures.foreseen_s = 2
    assert one.due(10) is None
    figures.foreseen_s = 16
    assert one.due(OUT_AFTER_S) is None


def test_idle_hosts_leave_one_by_one() -> None:
    figures = Figures()
    figures.load = 0.5
    one = scaling(figures)
    assert one.due(0) is None
    assert one.due(IN_AFTER_S) == "in"
    assert one.due(IN_AFTER_S + AGAIN_S) is None
    assert one.due(2 * IN_AFTER_S) == "in"
    figures.load = 0.6
    assert one.due(4 * IN_AFTER_S) is None


@asynccontextmanager
async def policy(status: int) -> AsyncIterator[tuple[str, asyncio.Queue[str]]]:
    """The URL of a policy that answers with `status`, and the requests that it gets."""
    signals: asyncio.Queue[str] = asyncio.Queue()

    async def signalled(request: web.Request) -> web.Response:
        await signals.put(f"{request.method} {request.path_qs}")
        return web.Response(status=status)

    app = web.Application()
    app.router.add_route("*", "/policy", signalled)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/policy?Signature=x", signals
    await runner.cleanup()


@pytest.mark.parametrize(("status", "event"), [(200, "signalled"), (403, "refused")])
async def test_a_signal_is_a_post_and_a_refusal_is_logged(
    monkeypatch: pytest.MonkeyPatch, status: int, event: str
) -> None:
    for name in ("EVERY_S", "OUT_AFTER_S", "AGAIN_S"):
        monkeypatch.setattr(module, name, 0.01)
    figures = Figures()
    figures.foreseen_s = 16
    async with policy(status) as (url, signals):
        with capture_logs() as logs:
            running = asyncio.create_task(scaling(figures, url).run())
            async with asyncio.timeout(10):
                assert await signals.get() == "POST /policy?Signature=x"
                # The answer to the first was logged before the second.
                await signals.get()
        running.cancel()
    assert logs[0]["event"] == f"scaling.{event}"
