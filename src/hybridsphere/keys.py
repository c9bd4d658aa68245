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

_FORBIDDEN = {False: 0o077, True: 0o037}
"""Bits of the mode that let others read or change a file: the owner's own, and one of root's."""


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
        status = path.stat()
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the key file {path} cannot be read: {error}",
            hint="`hybridsphere host --make-keys FILE` makes one",
        ) from None
    if status.st_mode & _FORBIDDEN[_is_handed_over(status)]:
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


def _is_handed_over(status: os.stat_result) -> bool:
    """Tell whether root has opened a file to this process by its group.

    systemd's credentials, opened by an access list, and Kubernetes's secrets look like that.
    """
    return status.st_uid == 0 and os.geteuid() != 0


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
