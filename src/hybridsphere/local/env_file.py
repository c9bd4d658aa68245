"""The file of variables: there for as long as they are true, and never in another file's place."""

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from hybridsphere.errors import CannotRun
from hybridsphere.files import obstacle_to, write_whole
from hybridsphere.local.account import CREDENTIALS

# With what the file of a local account begins, and what else is in it; the group is moto's port.
_OURS = re.compile(
    rf"AWS_ACCESS_KEY_ID={CREDENTIALS['AWS_ACCESS_KEY_ID']}\n"
    r"(?:AWS_\w+=\S+\n)*AWS_ENDPOINT_URL=http://127\.0\.0\.1:(\d{1,5})\n"
    r"(?:(?:AWS|HYBRIDSPHERE)_\w+=\S*\n)*"
)


def make_way(path: Path) -> None:
    """Remove what a run that was killed has left: whoever reads it would knock where nobody is.

    An empty file makes way too. Raises CannotRun where the file could not be written, for one that
    is not ours, and for that of an account that is still there.
    """
    if obstacle := obstacle_to(path):
        raise CannotRun(f"--env-file {path}: {obstacle}")
    if not (path.exists() or path.is_symlink()):
        return
    text = _text(path)
    if text != "":
        ours = _OURS.fullmatch(text or "")
        if ours is None:
            raise CannotRun(
                f"--env-file {path}: the file exists, and `hybridsphere local` did not write it",
                hint="name another file, or remove this one",
            )
        if _answers(int(ours[1])):
            raise CannotRun(
                f"--env-file {path}: the account of this file still answers, at port {ours[1]}",
                hint="name another file, or end that `hybridsphere local`",
            )
    path.unlink(missing_ok=True)


@contextmanager
def written(path: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Have the variables in a file, which is taken away unless it has become another.

    Raises CannotRun as `make_way` does: starting takes long enough for a file to appear.
    """
    make_way(path)
    text = "".join(f"{name}={value}\n" for name, value in environment.items())
    write_whole(path, text)
    try:
        yield
    finally:
        if _text(path) == text:
            path.unlink(missing_ok=True)


def _text(path: Path) -> str | None:
    """What is in a file; None where that cannot be read as text, and so is none of ours."""
    # A pipe or a device would have us wait, or vanish.
    if path.is_file():
        with suppress(OSError, UnicodeDecodeError):
            return path.read_text(encoding="utf-8")
    return None


def _answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as knocking:
        knocking.settimeout(1)
        return knocking.connect_ex(("127.0.0.1", port)) == 0
