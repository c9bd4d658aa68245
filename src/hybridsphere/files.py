"""Files that others wait for: whole, or not there; with their folders read by their owner alone."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


class NotWritten(OSError):
    """A file that could not be written, told by its own name and in words."""

    def __str__(self) -> str:
        return f"{self.filename} cannot be written: {self.strerror}"


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are not there, for their owner alone.

    One that is there stays as it is. Raises OSError.
    """
    for place in (*reversed(folder.parents), folder):
        if not place.exists():
            # The mode that `parents=True` takes is for the last one only.
            place.mkdir(mode=0o700, exist_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step; it replaces the one that is there. Raises OSError.

    What is written names people, or holds credentials: its mode is 0600, whatever the umask.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with naming(path):
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def publish(new: Path, path: Path) -> bool:
    """Give a whole file its name, durably; False if the name is taken. Raises OSError.

    The file keeps its old name as well.
    """
    try:
        path.hardlink_to(new)
    except FileExistsError:
        return False
    _sync_folder(path.parent)
    return True


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError name the file that was to be written, whose partial one nobody asked for."""
    try:
        yield
    except OSError as error:
        raise NotWritten(error.errno, error.strerror or str(error), str(path)) from error


def obstacle_to(path: Path) -> str | None:
    """Why a file could not be written; None where nothing is known to stand in the way.

    For whoever has long work to do before there is anything to write.
    """
    folder = path.absolute().parent
    if path.is_dir():
        return "this is a folder, name a file in it"
    if not folder.is_dir():
        return "there is no such folder to write to"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"nothing can be written to {folder}"
    return None


def try_out(folder: Path) -> None:
    """Write in a private folder, which is made if there is none, and leave nothing. Raises OSError.

    What is written takes room: a disk that is full may still take names.
    """
    make_private(folder)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"hybridsphere")
        file.flush()
        os.fsync(file.fileno())


def remedy_for(error: OSError, named_by: str) -> str:
    """What to do about a folder that takes no file, and that a variable names."""
    if error.errno in _NO_ROOM:
        return "make room"
    return f"give {named_by} a folder that can be written to"
