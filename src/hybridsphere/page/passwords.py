"""The password file: one person a line, `name:role:scrypt:…`, as `page --add-user` writes it."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from hybridsphere.errors import CannotRun
from hybridsphere.files import write_whole

_N, _R, _P = 1 << 15, 8, 1
"""scrypt's work: some 80 ms and 32 MB a try."""

_MEMORY = 64 * 1024**2

SHORTEST = 10
"""Characters of a password."""

LONGEST = 1024


class Role(IntEnum):
    """The roles; each may do what those below it may."""

    VIEWER = 1
    EDITOR = 2
    OPERATOR = 3

    @property
    def word(self) -> str:
        return self.name.lower()


ROLES = {role.word: role for role in Role}


@dataclass(frozen=True, slots=True)
class User:
    """A line of the file; `secret` is the salted hash."""

    name: str
    role: Role
    secret: str

    def accepts(self, password: str) -> bool:
        """Tell whether this is the password; takes as long either way."""
        _, salt, expected = self.secret.split("$")
        return hmac.compare_digest(_hashed(password, salt), expected)


def hashed(password: str) -> str:
    """Hash a password with a new salt."""
    salt = base64.b64encode(secrets.token_bytes(16)).decode()
    return f"scrypt${salt}${_hashed(password, salt)}"


NOBODY = User("", Role.VIEWER, "scrypt$bm9ib2R5$no hash")
"""A user without a password: a try with an unknown name must take as long as any other."""


def read_users(path: Path) -> dict[str, User]:
    """Read the file. Raises CannotRun for a missing file or a broken line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(
            f"{path} cannot be read: {error}", hint="hybridsphere page --add-user NAME makes it"
        ) from error
    users = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            user = _user(line, f"{path}, line {number}")
            users[user.name] = user
    return users


def add_user(path: Path, name: str, role: Role, password: str) -> None:
    """Add somebody to the file, or replace their role and password. Raises CannotRun, OSError."""
    if not name or len(name) > 64 or not name.isprintable() or ":" in name or name[0] in "# ":
        raise CannotRun("the name of a user has 1 to 64 characters, and no colon")
    if not SHORTEST <= len(password) <= LONGEST:
        raise CannotRun(f"a password has at least {SHORTEST} characters")
    users = read_users(path) if path.exists() else {}
    users[name] = User(name, role, hashed(password))
    lines = [f"{user.name}:{user.role.word}:{user.secret}\n" for user in users.values()]
    write_whole(path, "".join(lines))


def _user(line: str, place: str) -> User:
    name, _, rest = line.partition(":")
    role, _, secret = rest.partition(":")
    if role not in ROLES or not secret.startswith("scrypt$") or secret.count("$") != 2:
        raise CannotRun(
            f"{place} is no user", hint="hybridsphere page --add-user NAME writes a line anew"
        )
    return User(name, ROLES[role], secret)


def _hashed(password: str, salt: str) -> str:
    key = hashlib.scrypt(
        password.encode(), salt=salt.encode(), n=_N, r=_R, p=_P, maxmem=_MEMORY, dklen=32
    )
    return base64.b64encode(key).decode()
