"""The key pairs that may call a host, in a file of the form that AWS's own programs read."""

import configparser
import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hybridsphere.errors import ConfigurationError
from hybridsphere.files import write_whole

_ID, _SECRET = "aws_access_key_id", "aws_secret_access_key"
_ID_LENGTH = 20
_SHORTEST_SECRET = 16
"""Characters below which a secret can be guessed."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key: its public name, and the secret that signs."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyPair({self.id!r})"


def read_keys(path: Path) -> list[KeyPair]:
    """Read the pairs of a file, in its order.

    Raises ConfigurationError for a file that is missing, has no pair, has a pair that is not
    whole, or can be read by others than its owner.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the key file {path} cannot be read: {error}",
            hint="`hybridsphere host --make-keys FILE` makes one",
        ) from None
    if mode & 0o077 and not _is_credential(path):
        raise ConfigurationError(
            f"the key file {path} can be read by others than its owner",
            hint=f"chmod 600 {path}",
        )
    pairs = _pairs(path, text)
    if not pairs:
        raise ConfigurationError(
            f"the key file {path} has no key pair",
            hint=f"write a section, as [default], with {_ID} and {_SECRET}",
        )
    return pairs


def _is_credential(path: Path) -> bool:
    """Tell whether systemd has put a file there for this service alone.

    It opens the file to the service's user by an access list, which `stat` shows as the group's.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return folder is not None and path.parent == Path(folder)


def _pairs(path: Path, text: str) -> list[KeyPair]:
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # The error's own text quotes lines, and a line may be a secret.
        line = getattr(error, "lineno", None)
        where = f" at line {line}" if line else ""
        raise ConfigurationError(
            f"the key file {path} cannot be understood{where}",
            hint="it has the form of AWS's shared credentials file",
        ) from None
    return [_pair(path, name, parser[name]) for name in parser.sections()]


def _pair(path: Path, section: str, entries: Mapping[str, str]) -> KeyPair:
    name, secret = entries.get(_ID, "").strip(), entries.get(_SECRET, "").strip()
    if not name or len(secret) < _SHORTEST_SECRET:
        raise ConfigurationError(
            f"the key file {path}: the section [{section}] has no whole key pair",
            hint=f"give {_ID} and {_SECRET}, the latter of {_SHORTEST_SECRET} characters or more",
        )
    return KeyPair(name, secret)


def make_keys(path: Path) -> KeyPair:
    """Write a file with one new pair, for its owner alone.

    Raises ConfigurationError if there is a file: its callers would be locked out.
    """
    if path.exists():
        raise ConfigurationError(f"{path} is there already", hint="name a new file")
    letters = string.ascii_uppercase + string.digits
    name = "HS" + "".join(secrets.choice(letters) for _ in range(_ID_LENGTH - 2))
    pair = KeyPair(name, secrets.token_urlsafe(30))
    write_whole(path, f"[default]\n{_ID} = {pair.id}\n{_SECRET} = {pair.secret}\n")
    return pair
