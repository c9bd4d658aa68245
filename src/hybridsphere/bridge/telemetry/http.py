"""Health and metrics over HTTP; no route changes anything.

- `/healthz`: 200 while the event loop turns.
- `/readyz`: 200 while everything works, else 503. The body has the bucket that this bridge serves,
  and each trouble with its reason, its fix and the heading of docs/operations.md.
- `/metrics`: for Prometheus.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.errors import ConfigurationError
from hybridsphere.sockets import remedy_for_address
from hybridsphere.troubles import remedy_for_trouble

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "hybridsphere",  # aiohttp's own names the versions
    "X-Content-Type-Options": "nosniff",
}

_METHODS = ("GET", "HEAD")

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
    runner = web.AppRunner(
        _app(input_bucket, health, metrics), access_log=None, shutdown_timeout=0.5, lingering_time=0
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


def _app(input_bucket: str, health: Health, metrics: Metrics) -> web.Application:
    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
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

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application(middlewares=[_secure])
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", show_metrics)
    return app


@web.middleware
async def _secure(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        if request.method not in _METHODS:
            raise web.HTTPMethodNotAllowed(request.method, _METHODS)
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(_HEADERS)
        raise
    response.headers.update(_HEADERS)
    return response
