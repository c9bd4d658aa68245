"""The file of variables: it exists only while they are true, and replaces no other file."""

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from hybridsphere.errors import CannotRun
from hybridsphere.files import obstacle_to, write_whole
from hybridsphere.local.account import CREDENTIALS

# The content of a local account's file; the group is moto's port.
_OURS = re.compile(
    rf"AWS_ACCESS_KEY_ID={CREDENTIALS['AWS_ACCESS_KEY_ID']}\n"
    r"(?:AWS_\w+=\S+\n)*AWS_ENDPOINT_URL=http://127\.0\.0\.1:(\d{1,5})\n"
    r"(?:(?:AWS|HYBRIDSPHERE)_\w+=\S*\n)*"
)


def remove_stale(path: Path) -> None:
    """Remove the file of a killed run, whose variables name ports that nobody serves.

    An empty file is removed too. Raises CannotRun for a file that could not be written, for any
    other file, and for the file of an account that still answers.
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
    """Keep the variables in a file, and remove it at the end unless it has changed.

    Raises CannotRun as `remove_stale` does, since a file may appear during the start.
    """
    remove_stale(path)
    text = "".join(f"{name}={value}\n" for name, value in environment.items())
    write_whole(path, text)
    try:
        yield
    finally:
        if _text(path) == text:
            path.unlink(missing_ok=True)


def _text(path: Path) -> str | None:
    """Read a file; return None if it is not text, and therefore not ours."""
    # Opening a pipe would wait, and reading a device would not end.
    if path.is_file():
        with suppress(OSError, UnicodeDecodeError):
            return path.read_text(encoding="utf-8")
    return None


def _answers(port: int) -> bool:
    """Return whether a port of this machine is served."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
