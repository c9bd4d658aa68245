"""When the bridge asks for more hosts, or fewer."""

import asyncio

import pytest
from aiohttp import web

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


async def test_a_signal_is_a_post(monkeypatch: pytest.MonkeyPatch) -> None:
    signals: asyncio.Queue[str] = asyncio.Queue()

    async def signalled(request: web.Request) -> web.Response:
        await signals.put(f"{request.method} {request.path_qs}")
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/policy", signalled)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    for name in ("EVERY_S", "OUT_AFTER_S", "AGAIN_S"):
        monkeypatch.setattr(module, name, 0.01)
    figures = Figures()
    figures.foreseen_s = 16
    running = asyncio.create_task(
        scaling(figures, f"http://127.0.0.1:{port}/policy?Signature=x").run()
    )
    async with asyncio.timeout(10):
        assert await signals.get() == "POST /policy?Signature=x"
    running.cancel()
    await runner.cleanup()
