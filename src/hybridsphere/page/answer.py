"""From a request to an answer: the view in the form that was asked for, and errors as pages."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import structlog
from aiohttp import web

from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import LedgerError
from hybridsphere.page.known import Known
from hybridsphere.page.passwords import Role
from hybridsphere.page.render import VIEWS, View, as_csv, as_json
from hybridsphere.page.security import HEADERS, VISITOR, Handler
from hybridsphere.page.sessions import Visitor
from hybridsphere.page.site import SITE, Shelf

log = structlog.get_logger()

_PARENTS = {
    "video": "videos",
    "again": "unknown",
    **dict.fromkeys(("person", "found", "merge", "forget", "check"), "people"),
}
"""The entry of the menu under which a view stands."""

_NAMES = {name for name, _, _ in VIEWS}


def show(
    reading: Callable[[Shelf, Mapping[str, str]], View],
    kind: str,
    without: Callable[[Known, Mapping[str, str]], View] | None = None,
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Make the handler that shows a view in one form; `without` shows it before any result."""

    async def handler(request: web.Request) -> web.Response:
        site = request.app[SITE]
        try:
            view = await site.read(reading, request.query)
        except LedgerError as error:
            if without is not None:
                view = without(await asyncio.to_thread(site.people.current), request.query)
            elif kind == "html":
                view = _empty(error)
            else:
                raise web.HTTPServiceUnavailable(text=str(error)) from error
        except CannotRun as error:
            # The memory broke in the middle; the next request does without.
            raise web.HTTPServiceUnavailable(text=error.message) from error
        if kind == "json":
            return as_json(view)
        if kind == "csv":
            return as_csv(view)
        return page(request, view)

    return handler


def page(request: web.Request, view: View, status: int = 200) -> web.Response:
    """Render a view as a page."""
    site = request.app[SITE]
    visitor = request[VISITOR]
    here = _PARENTS.get(view.name, view.name)
    context = {
        **view.context,
        "title": view.title,
        "here": here if here in _NAMES else "",
        "address": str(request.rel_url),
        "visitor": visitor,
        "login": site.gate.login and bool(visitor.name),
        "token": site.gate.sessions.token(visitor.session),
        "unknown": site.state.unknown,
        "operator": visitor.may(Role.OPERATOR),
        "editor": visitor.may(Role.EDITOR),
    }
    text = site.templates.get_template(view.template).render(context)
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def _empty(error: LedgerError) -> View:
    return View("now", "Nothing yet", "empty.html", {"reason": error.message, "fix": error.hint})


@web.middleware
async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every error a page."""
    try:
        answer = await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        answer = _error(request, error)
    except (ConnectionError, TimeoutError):
        raise
    except CannotRun as error:
        answer = _error(request, web.HTTPServiceUnavailable(text=str(error)))
    except Exception as error:
        log.exception("request.failed", path=request.path)
        answer = _error(request, web.HTTPInternalServerError(text=type(error).__name__))
    return answer


async def add_headers(_: web.Request, answer: web.StreamResponse) -> None:
    """Give an answer the headers that guard it, a stream before its first byte."""
    answer.headers.update(HEADERS)


def _error(request: web.Request, error: web.HTTPException) -> web.Response:
    reason = error.text or HTTPStatus(error.status).phrase
    if reason.startswith(f"{error.status}:"):
        reason = {404: "There is no such page."}.get(error.status, HTTPStatus(error.status).phrase)
    kept = {name: error.headers[name] for name in ("Retry-After", "Allow") if name in error.headers}
    if "text/html" not in request.headers.get("Accept", ""):
        return web.Response(text=f"{reason}\n", status=error.status, headers=kept)
    visitor = request.get(VISITOR, None)
    if not isinstance(visitor, Visitor):
        return web.Response(text=f"{reason}\n", status=error.status, headers=kept)
    view = View("error", reason, "error.html", {"reason": reason, "status": error.status})
    answer = page(request, view, error.status)
    answer.headers.update(kept)
    return answer
