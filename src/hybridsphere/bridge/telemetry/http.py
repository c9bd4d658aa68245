"""Health and metrics over HTTP; no route changes anything.

- `/healthz`: 200 while the event loop turns.
- `/readyz`: 200 while everything works, else 503. The body has the bucket that this bridge serves,
  and each trouble with its reason, its fix and the heading of docs/operations.md.
- `/metrics`: for Prometheus.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.errors import ConfigurationError
from hybridsphere.hosts import is_local
from hybridsphere.sockets import remedy_for_address
from hybridsphere.troubles import remedy_for_trouble

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "hybridsphere",  # aiohttp's own header names the versions
    "X-Content-Type-Options": "nosniff",
}

_METHODS = ("GET", "HEAD")

IDLE_S = 15.0
"""Limit on the wait for a whole request, from the start of a connection or the last answer."""

Route = Callable[[], Awaitable[web.Response]]
log = structlog.get_logger()


@asynccontextmanager
async def listen(
    address: tuple[str, int] | None, input_bucket: str, health: Health, metrics: Metrics
) -> AsyncIterator[None]:
    """Answer while the context lasts; without an address, do nothing.

    Raises ConfigurationError if the address cannot be used.
    """
    if address is None:
        yield
        return
    host, port = address
    runner = web.ServerRunner(
        _Server(host, _routes(input_bucket, health, metrics)), shutdown_timeout=0.5
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            raise ConfigurationError(
                f"HYBRIDSPHERE_HTTP={host}:{port} cannot be listened on: {error}; "
                f"{remedy_for_address(error)}"
            ) from error
        log.info("web.listening", host=host, port=runner.addresses[0][1])
        yield
    finally:
        await runner.cleanup()


def _routes(input_bucket: str, health: Health, metrics: Metrics) -> dict[str, Route]:
    async def healthz() -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz() -> web.Response:
        troubles = health.troubles
        body = {
            "status": "trouble" if troubles else "ready",
            "input_bucket": input_bucket,
            "troubles": troubles,
            "remedies": {
                part: {"fix": remedy.fix, "see": remedy.symptom.link}
                for part, reason in troubles.items()
                for remedy in [remedy_for_trouble(part, reason)]
            },
        }
        return web.json_response(body, status=503 if troubles else 200)

    reading = asyncio.Lock()

    async def show_metrics() -> web.Response:
        # Some figures are read from the ledger.
        async with reading:
            body = await asyncio.to_thread(generate_latest, metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return {"/healthz": healthz, "/readyz": readyz, "/metrics": show_metrics}


class _Server(web.Server):
    """The server of some routes, at an address that is named `host`."""

    def __init__(self, host: str, routes: Mapping[str, Route]) -> None:
        super().__init__(self._answer, access_log=None, keepalive_timeout=IDLE_S, lingering_time=0)
        self._host = host
        self._routes = routes

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._kwargs)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        answer = await self._respond(request)
        answer.headers.update(_HEADERS)
        return answer

    async def _respond(self, request: web.BaseRequest) -> web.Response:
        if not is_local(request.headers.get("Host", ""), self._host):
            # A web page can have its own name resolve to this address, and read the answers.
            return _error(HTTPStatus.MISDIRECTED_REQUEST)
        if request.method not in _METHODS:
            return _error(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": ", ".join(_METHODS)})
        route = self._routes.get(request.path)
        return await route() if route else _error(HTTPStatus.NOT_FOUND)


class _Connection(RequestHandler):
    """A connection whose answers to broken requests have our headers too."""

    __slots__ = ()

    def handle_error(self, *arguments: Any, **named: Any) -> web.StreamResponse:
        """Make aiohttp's own answer to a request that it cannot parse."""
        answer = super().handle_error(*arguments, **named)
        answer.headers.update(_HEADERS)
        return answer


def _error(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(text=f"{status.value}: {status.phrase}", status=status, headers=headers)
