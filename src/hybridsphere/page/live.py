"""News for open pages: server-sent events that say that something changed, not what."""

import asyncio
from contextlib import suppress

from aiohttp import web

from hybridsphere.page.site import SITE

MOST = 200
"""Pages that get news at once; a further page shows news when it is reloaded."""

_SILENCE_S = 15.0
_BETWEEN_S = 1.0
"""Time between two pieces of news: a page reads its view once for each."""

_SLOW_S = 10.0

_OPEN = web.AppKey("live", asyncio.Semaphore)


async def live(request: web.Request) -> web.StreamResponse:
    """Send a line for each change, until the browser leaves."""
    observer, places = request.app[SITE].observer, request.app[_OPEN]
    if places.locked():
        raise web.HTTPServiceUnavailable(text="Too many pages are open.")
    answer = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    async with places:
        with suppress(ConnectionError, TimeoutError):
            await answer.prepare(request)
            serial = observer.state.serial
            await _send(answer, f"retry: 2000\ndata: {serial}\n\n")
            while True:
                found = await observer.news(serial, _SILENCE_S)
                await _send(answer, f"data: {found}\n\n" if found != serial else ": quiet\n\n")
                serial = found
                await asyncio.sleep(_BETWEEN_S)
    return answer


async def _send(answer: web.StreamResponse, text: str) -> None:
    """Send a text; who does not take it in time is dropped."""
    async with asyncio.timeout(_SLOW_S):
        await answer.write(text.encode())


def add_live(app: web.Application) -> None:
    app[_OPEN] = asyncio.Semaphore(MOST)
    app.router.add_get("/live", live)
