"""The page: its routes, its start and its end."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog
from aiohttp import web

from hybridsphere.bridge.telemetry import logs
from hybridsphere.errors import ConfigurationError
from hybridsphere.page import media
from hybridsphere.page.again import add_again
from hybridsphere.page.answer import add_headers, answering, show
from hybridsphere.page.aside import Aside
from hybridsphere.page.changing import add_changing
from hybridsphere.page.checking import add_checking
from hybridsphere.page.classroom import add_classroom
from hybridsphere.page.deriving import keep_deriving
from hybridsphere.page.enrolling import add_enrolling
from hybridsphere.page.judging import add_judging
from hybridsphere.page.known import KnownPeople
from hybridsphere.page.live import add_live
from hybridsphere.page.login import add_login
from hybridsphere.page.observer import Observer, State
from hybridsphere.page.render import View, environment
from hybridsphere.page.replaying import add_replaying
from hybridsphere.page.security import Gate, check_address
from hybridsphere.page.sessions import Sessions, load_secret
from hybridsphere.page.site import READERS, SITE, Shelf, Site
from hybridsphere.page.views.classes import classes
from hybridsphere.page.views.now import now
from hybridsphere.page.views.people import people, people_without_results, person
from hybridsphere.page.views.system import system
from hybridsphere.page.views.unknown import unknown
from hybridsphere.page.views.video import video
from hybridsphere.page.views.videos import videos
from hybridsphere.page.words import Words
from hybridsphere.settings import Settings, variable
from hybridsphere.signals import STOPS
from hybridsphere.sockets import remedy_for_address

log = structlog.get_logger()

LARGEST = 256 * 1024
"""Bytes of a form, except of one with photographs."""

IDLE_S = 30.0

_STATIC = Path(__file__).parent / "static"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

Reading = Callable[[Shelf, Mapping[str, str]], View]

VIEWS: dict[str, Reading] = {
    "now": lambda shelf, _: now(shelf),
    "videos": videos,
    "video": video,
    "unknown": unknown,
    "people": people,
    "person": person,
    "class": classes,
    "system": system,
}


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigurationError if it cannot work as configured."""
    check_address(settings)
    os.umask(0o077)
    logs.configure()
    _allow_connections()
    asyncio.run(_serve_until_signalled(settings))


async def _serve_until_signalled(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    async with listening(settings) as address:
        log.info("page.ready", url=address)
        await stop.wait()
    log.info("page.stopped")
    # A thread that reads a disk that hangs cannot be awaited.
    os._exit(0)


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[str]:
    """Serve while the context lasts; yield the page's URL. Raises ConfigurationError."""
    host, port = settings.page or ("127.0.0.1", 8090)
    runner = web.AppRunner(
        make_app(settings), access_log=None, keepalive_timeout=IDLE_S, shutdown_timeout=1.0
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, backlog=512).start()
        except (OSError, UnicodeError) as error:
            raise ConfigurationError(
                f"{variable('page')}={host}:{port} cannot be listened on: {error}",
                hint=remedy_for_address(error),
            ) from error
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{runner.addresses[0][1]}/"


def make_app(settings: Settings) -> web.Application:
    """Make the application. Raises OSError where the results folder cannot be used."""
    gate = Gate(settings, Sessions(load_secret(settings.results_dir)))
    app = web.Application(client_max_size=LARGEST, middlewares=[answering, gate.middleware()])
    app.on_response_prepare.append(add_headers)
    state, index = State(), Words()
    app[SITE] = Site(
        settings=settings,
        gate=gate,
        index=index,
        state=state,
        observer=Observer(settings.results_dir, settings.http, index, state),
        templates=environment(),
        readers=ThreadPoolExecutor(READERS, "reader"),
        people=KnownPeople(settings.gallery),
        aside=Aside(settings),
    )
    _add_routes(app)
    app.cleanup_ctx.append(_observed)
    app.cleanup_ctx.append(keep_deriving)
    app.cleanup_ctx.append(media.videos_open)
    return app


def _add_routes(app: web.Application) -> None:
    router = app.router
    for name, reading in VIEWS.items():
        path = "/" if name == "now" else f"/{name}"
        # A class is enrolled before its first video.
        without = people_without_results if name == "people" else None
        router.add_get(path, show(reading, "html", without))
        for kind in ("json", "csv"):
            router.add_get(f"/{name}.{kind}", show(reading, kind, without))
    router.add_get(r"/pictures/face/{face:\d{1,18}}", media.crop)
    router.add_get(r"/pictures/scene/{video:\d{1,18}}", media.scene)
    router.add_get("/media", media.video)
    router.add_get("/healthz", _healthz)
    for file in sorted(_STATIC.iterdir()):
        router.add_get(f"/static/{file.name}", _static(file))
    add_live(app)
    add_login(app)
    add_judging(app)
    add_classroom(app)
    add_enrolling(app)
    add_again(app)
    add_changing(app)
    add_checking(app)
    add_replaying(app)


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _static(file: Path) -> Callable[[web.Request], Awaitable[web.Response]]:
    content = file.read_bytes()

    async def answer(_: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-cache"}
        found = web.Response(body=content, content_type=_KINDS[file.suffix], headers=headers)
        found.charset = "utf-8"
        return found

    return answer


async def _observed(app: web.Application) -> AsyncIterator[None]:
    following = asyncio.create_task(app[SITE].observer.run())
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _allow_connections() -> None:
    """Raise the limit of open files to what the system allows: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 16_384) if hard != resource.RLIM_INFINITY else 16_384
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
