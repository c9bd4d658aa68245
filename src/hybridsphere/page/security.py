"""Who may: every request passes here, before anything is looked up.

- Host: an address of this machine, or a name that the settings list; against DNS rebinding.
- Every change: the Origin of the page itself, and the token of the session; against other sites.
- Who: the login's cookie, or a trusted header of the institution's proxy; on loop-back anybody.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp.web_request import FileField

from hybridsphere.errors import ConfigurationError
from hybridsphere.hosts import is_local
from hybridsphere.page.passwords import LONGEST, NOBODY, Role, User, read_users
from hybridsphere.page.patience import Patience
from hybridsphere.page.sessions import LASTS_S, Sessions, Visitor
from hybridsphere.settings import Settings, variable

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With no-referrer a browser sends the Origin `null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Server": "hybridsphere",
    "X-Content-Type-Options": "nosniff",
}

VISITOR = web.RequestKey("visitor", Visitor)

_FILES = web.RequestKey("files", list[Any])

READING = {"GET", "HEAD"}

UPLOADS = {"/people/enroll": Role.EDITOR, "/people/search": Role.EDITOR}
"""Paths that take photographs, and who may send them."""

LARGEST_UPLOAD = 160 * 2**20
"""Bytes of one form with photographs."""

_UPLOAD_S = 300.0
_FORM_S = 15.0
_MOST_FIELDS = 500

OPEN = ("/login", "/static/", "/healthz")
"""Paths that somebody sees who has not logged in."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def check_address(settings: Settings) -> None:
    """Raise ConfigurationError for an address that others can reach without a login.

    Raises CannotRun for a password file that cannot be read.
    """
    if settings.page is None:
        raise ConfigurationError(
            f"{variable('page')} is empty", hint="name an address, as in 127.0.0.1:8090"
        )
    host = settings.page[0]
    if settings.page_users:
        # A missing or broken file would lock everybody out.
        read_users(settings.page_users)
    if _is_loopback(host) or settings.page_users or settings.page_header:
        return
    raise ConfigurationError(
        f"{variable('page')}={host}:{settings.page[1]} can be reached by others, and nobody has to "
        "log in",
        hint=f"hybridsphere page --add-user NAME, with {variable('page_users')} naming the file; "
        "or keep to 127.0.0.1",
    )


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


@dataclass(slots=True)
class Gate:
    """The checks of one page."""

    settings: Settings
    sessions: Sessions
    patience: Patience = field(default_factory=Patience)
    _trials: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    _uploads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    @property
    def login(self) -> bool:
        """Whether people log in here."""
        return self.settings.page_users is not None

    @property
    def cookie(self) -> str:
        """The cookie's name; cookies do not know ports, so that two pages need two names."""
        port = self.settings.page[1] if self.settings.page else 0
        return f"hybridsphere_{port}"

    def middleware(self) -> Middleware:
        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            fresh = self._admit(request)
            async with self._upload(request) as roomy:
                try:
                    if request.method not in READING:
                        await self._check_change(roomy)
                    answer = await handler(roomy)
                finally:
                    for file in roomy.get(_FILES, ()):
                        file.close()
            if fresh and not answer.prepared:
                self.set_cookie(request, answer, fresh)
            return answer

        return check

    def set_cookie(self, request: web.Request, answer: web.StreamResponse, cookie: str) -> None:
        answer.set_cookie(
            self.cookie,
            cookie,
            httponly=True,
            samesite="Strict",
            secure=self._by_tls(request),
            max_age=LASTS_S,
        )

    def _by_tls(self, request: web.Request) -> bool:
        """Tell whether the browser speaks TLS, to this page or to a trusted proxy before it."""
        told = request.headers.get("X-Forwarded-Proto", "")
        trusted = request.remote in self.settings.page_proxies
        return request.scheme == "https" or (trusted and told == "https")

    async def enter(self, request: web.Request, name: str, password: str) -> User | None:
        """Check a login; None if it is wrong. Raises HTTPTooManyRequests for who must wait."""
        who = (f"user {name[:100]}", f"peer {request.remote}")
        if (wait_s := self.patience.wait_s(*who)) > 0:
            raise web.HTTPTooManyRequests(
                text=f"Too many tries. Wait {wait_s:.0f} s, then try again.",
                headers={"Retry-After": str(int(wait_s) + 1)},
            )
        async with self._trials:
            user = (await self._users()).get(name)
            right = len(password) <= LONGEST and await asyncio.to_thread(
                (user or NOBODY).accepts, password
            )
        if user is None or not right:
            self.patience.failed(*who)
            return None
        self.patience.succeeded(*who)
        return user

    def _admit(self, request: web.Request) -> str:
        """Find out who asks, and what session; return a new session's cookie, if there is one."""
        self._check_host(request)
        cookie = request.cookies.get(self.cookie, "")
        fresh = ""
        if not self.sessions.is_ours(cookie):
            cookie = fresh = self.sessions.begin()
        visitor = self._visitor(request, cookie)
        if visitor is None:
            if not request.path.startswith(OPEN):
                if request.method in READING and "text/html" in request.headers.get("Accept", ""):
                    raise web.HTTPSeeOther("/login")
                raise web.HTTPUnauthorized(text="Log in first.")
            visitor = Visitor("", Role.VIEWER, cookie)
        request[VISITOR] = visitor
        return fresh

    def _visitor(self, request: web.Request, cookie: str) -> Visitor | None:
        settings = self.settings
        if settings.page_header and request.remote in settings.page_proxies:
            name = request.headers.get(settings.page_header, "").strip()
            return self._proxied(name, cookie) if name else None
        if settings.page_users:
            user = self.sessions.user(cookie, read_users(settings.page_users))
            return Visitor(user.name, user.role, cookie) if user else None
        if settings.page_header:
            return None
        return Visitor("somebody here", Role.OPERATOR, cookie)

    def _proxied(self, name: str, cookie: str) -> Visitor:
        """Give a user of the proxy the role in the file, else viewer."""
        users = read_users(self.settings.page_users) if self.settings.page_users else {}
        user = users.get(name)
        return Visitor(name[:64], user.role if user else Role.VIEWER, cookie)

    async def _users(self) -> dict[str, User]:
        path = self.settings.page_users
        return await asyncio.to_thread(read_users, path) if path else {}

    def _check_host(self, request: web.Request) -> None:
        host = self.settings.page[0] if self.settings.page else ""
        try:
            name = (urlsplit(f"//{request.host}").hostname or "").lower()
        except ValueError:
            name = ""
        if name not in self.settings.page_names and not is_local(request.host, host):
            raise web.HTTPMisdirectedRequest(
                text=f"This page has another name; {variable('page_names')} lists its names."
            )

    @asynccontextmanager
    async def _upload(self, request: web.Request) -> AsyncIterator[web.Request]:
        """Give a form with photographs its room, one at a time; others stay as they are.

        Before its first byte is read, it must come from this page, from somebody who may.
        """
        role = UPLOADS.get(request.path)
        if role is None or request.method in READING:
            yield request
            return
        _check_origin(request)
        require(request, role)
        if self._uploads.locked():
            raise web.HTTPServiceUnavailable(
                text="Somebody else is sending photographs. Try again in a minute.",
                headers={"Retry-After": "60"},
            )
        async with self._uploads:
            yield request.clone(client_max_size=LARGEST_UPLOAD, client_max_fields=_MOST_FIELDS)

    async def _check_change(self, request: web.Request) -> None:
        """Admit a change only from a form of this page, in this session."""
        _check_origin(request)
        try:
            async with asyncio.timeout(_UPLOAD_S if request.path in UPLOADS else _FORM_S):
                form = await request.post()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except web.HTTPRequestEntityTooLarge as error:
            most = f"{LARGEST_UPLOAD // 2**20} MB or {_MOST_FIELDS} files"
            bound = f"more than {most}" if request.path in UPLOADS else "too much"
            error.text = f"This is {bound} at once. Send fewer or smaller files."
            raise
        request[_FILES] = [one.file for one in form.values() if isinstance(one, FileField)]
        token = str(form.get("token", request.headers.get("X-Token", "")))
        if not hmac.compare_digest(
            token.encode(), self.sessions.token(request[VISITOR].session).encode()
        ):
            raise web.HTTPForbidden(text="This form is too old. Load the page again.")


def _check_origin(request: web.Request) -> None:
    origin = request.headers.get("Origin", "")
    if urlsplit(origin).netloc.lower() != request.host.lower() or not origin:
        raise web.HTTPForbidden(text="A change must come from this page itself.")


def require(request: web.Request, role: Role) -> Visitor:
    """Return the visitor if the role is theirs. Raises HTTPForbidden."""
    visitor = request[VISITOR]
    if not visitor.may(role):
        raise web.HTTPForbidden(
            text=f"Only an {role.word} may do this; you are {visitor.role.word}."
        )
    return visitor


def status_text(status: int) -> str:
    return HTTPStatus(status).phrase
