"""Sessions: a signed cookie says who somebody is, and since when; nothing is kept for it here."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from hybridsphere.files import make_private, write_whole
from hybridsphere.page.passwords import Role, User
from hybridsphere.paths import OWN_FOLDER

LASTS_S = 12 * 3600
"""A session's length: a working day."""

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who asks: the name that judgements carry, the role, and the session."""

    name: str
    role: Role
    session: str

    def may(self, role: Role) -> bool:
        return self.role >= role


def load_secret(results_dir: Path) -> bytes:
    """Read the key of the signatures, or make one. Raises OSError.

    It outlives a restart, so that an open page can still send what somebody has entered.
    """
    path = results_dir / OWN_FOLDER / "page.key"
    if path.exists() and len(found := path.read_bytes()) == _SECRET_BYTES:
        return found
    make_private(path.parent)
    made = secrets.token_bytes(_SECRET_BYTES)
    write_whole(path, made)
    return made


class Sessions:
    """Makes and reads cookies; `logged_out` are the sessions that ended before their time."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._ended: dict[str, float] = {}

    def begin(self, user: User | None = None) -> str:
        """Make the cookie of somebody who has logged in, or of an unknown visitor."""
        content = {"n": secrets.token_urlsafe(12), "t": int(time.time())}
        if user:
            content |= {"u": user.name, "p": self._sign(user.secret)[:16]}
        text = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
        return f"{text}.{self._sign(text)}"

    def is_ours(self, cookie: str) -> bool:
        """Tell whether this page signed a cookie, and not too long ago."""
        return self._content(cookie) is not None

    def user(self, cookie: str, users: dict[str, User]) -> User | None:
        """Find who a cookie belongs to; None for a visitor, a stranger's or an expired cookie.

        A new password ends the sessions of the old one.
        """
        content = self._content(cookie) or {}
        user = users.get(str(content.get("u", "")))
        if user is None or content.get("p") != self._sign(user.secret)[:16]:
            return None
        return user

    def end(self, cookie: str) -> None:
        """End a session before its time."""
        now = time.time()
        self._ended = {one: until for one, until in self._ended.items() if until > now}
        if self.is_ours(cookie):
            self._ended[cookie] = now + LASTS_S

    def token(self, cookie: str) -> str:
        """Give the token that every form of this session carries."""
        return self._sign(f"form {cookie}")

    def _content(self, cookie: str) -> dict[str, object] | None:
        text, _, signature = cookie.partition(".")
        if len(cookie) > 1000 or not hmac.compare_digest(
            self._sign(text).encode(), signature.encode()
        ):
            return None
        try:
            content = json.loads(base64.urlsafe_b64decode(text))
        except (ValueError, binascii.Error):
            return None
        fresh = time.time() - LASTS_S < content["t"] <= time.time() + 60
        return content if fresh and cookie not in self._ended else None

    def _sign(self, text: str) -> str:
        made = hmac.digest(self._secret, text.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made).decode().rstrip("=")
