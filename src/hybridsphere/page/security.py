"""Who may: every request passes here, before anything is looked up.

- Host: an address of this machine, or a name that the settings list; against DNS rebinding.
- Every change: the Origin of the page itself, and the token of the session; against other sites.
- Who: the login's cookie, or a trusted header of the institution's proxy; on loop-back anybody.
"""

import asyncio
import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from hybridsphere.errors import ConfigurationError
from hybridsphere.hosts import is_local
from hybridsphere.page.passwords import LONGEST, NOBODY, Role, User, read_users
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

READING = {"GET", "HEAD"}

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


class Patience:
    """Slows down who guesses: each failure doubles the wait, for a name and for an address."""

    _MOST = 10_000

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, *who: str) -> float:
        """Tell how long these must wait before they may try again."""
        return max(self._wait_s(one) for one in who)

    def failed(self, *who: str) -> None:
        for one in who:
            count, _ = self._failures.pop(one, (0, 0.0))
            self._failures[one] = (count + 1, self._now())
        while len(self._failures) > self._MOST:
            self._failures.popitem(last=False)

    def succeeded(self, *who: str) -> None:
        for one in who:
            self._failures.pop(one, None)

    def _wait_s(self, one: str) -> float:
        count, when = self._failures.get(one, (0, 0.0))
        # Three slips cost nothing.
        wait = min(2.0 ** (count - 2), 300.0) if count > 3 else 0.0
        return max(0.0, when + wait - self._now())


@dataclass(slots=True)
class Gate:
    """The checks of one page."""

    settings: Settings
    sessions: Sessions
    patience: Patience = field(default_factory=Patience)
    _trials: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

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
            if request.method not in READING:
                await self._check_change(request)
            answer = await handler(request)
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

    async def _check_change(self, request: web.Request) -> None:
        """Admit a change only from a form of this page, in this session."""
        origin = request.headers.get("Origin", "")
        if urlsplit(origin).netloc.lower() != request.host.lower() or not origin:
            raise web.HTTPForbidden(text="A change must come from this page itself.")
        try:
            async with asyncio.timeout(15):
                form = await request.post()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        token = str(form.get("token", request.headers.get("X-Token", "")))
        if not hmac.compare_digest(
            token.encode(), self.sessions.token(request[VISITOR].session).encode()
        ):
            raise web.HTTPForbidden(text="This form is too old. Load the page again.")


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
