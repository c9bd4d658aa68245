"""Files that appear whole or not at all, and folders that only their owner reads."""

import errno
import os
import tempfile
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


class NotWritten(OSError):
    """A file that could not be written; the text names the file and the reason."""

    def __str__(self) -> str:
        return f"{self.filename} cannot be written: {self.strerror}"


class NotPlaced(NotWritten):
    """A file whose content the disk has taken, but not its name."""


def make_private(folder: Path) -> None:
    """Create a folder, and missing folders above it, for their owner alone.

    An existing folder stays as it is. Raises OSError.
    """
    for place in (*reversed(folder.parents), folder):
        if not place.exists():
            # The mode that `parents=True` takes is for the last folder only.
            place.mkdir(mode=0o700, exist_ok=True)


def write_whole(
    path: Path | str,
    content: str | bytes,
    *,
    partial: str | None = None,
    durable: bool = True,
    modified_ns: int | None = None,
    make_folders: Callable[[], object] | None = None,
) -> None:
    """Write a file in one step, replacing an existing one. Raises NotWritten.

    The file names people or holds credentials, so its mode is 0600, whatever the umask. It is
    written as `partial` first, by default a hidden file beside it. `make_folders` is called if the
    file's folder is missing. Without `durable`, a power cut may undo the change. `modified_ns` is
    the file's time, in nanoseconds since 1970, by default now.
    """
    place = str(path)
    partial = partial or _beside(path)
    content = content.encode() if isinstance(content, str) else content
    try:
        _write(partial, content, durable=durable, modified_ns=modified_ns)
        _place(partial, place, make_folders)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(partial)
        if isinstance(error, OSError) and not isinstance(error, NotWritten):
            raise NotWritten(error.errno, error.strerror or str(error), place) from error
        raise


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


@contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Turn an OSError into NotWritten, which names the file and not its partial one."""
    try:
        yield
    except NotWritten:
        raise
    except OSError as error:
        raise NotWritten(error.errno, error.strerror or str(error), str(path)) from error


def obstacle_to(path: Path) -> str | None:
    """Find out before long work why a file could not be written; None if nothing is known."""
    folder = path.absolute().parent
    if path.is_dir():
        return "this is a folder, name a file in it"
    if not folder.is_dir():
        return "there is no such folder to write to"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"nothing can be written to {folder}"
    return None


def try_out(folder: Path, size: int = 12) -> None:
    """Write `size` bytes in a private folder, created if missing, and remove them. Raises OSError.

    A full disk may still take names, so the trial has content.
    """
    make_private(folder)
    try_writing(folder, size)


def try_writing(folder: Path, size: int = 12) -> None:
    """Write `size` bytes in a folder that exists, and remove them. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())


def folds_names(folder: Path) -> bool:
    """Tell whether names that differ in case or Unicode form are one file here.

    False where nothing can be written.
    """
    name = f".é{uuid.uuid4().hex}a"
    # Some file systems fold ASCII alone.
    others = (name.replace("a", "A"), unicodedata.normalize("NFD", name))
    probe = folder / name
    try:
        probe.touch(mode=0o600)
    except OSError:
        return False
    try:
        return any((folder / other).exists() for other in others)
    finally:
        probe.unlink(missing_ok=True)


def remedy_for(error: OSError, named_by: str) -> str:
    """Name the next step for a folder that takes no file, and that a variable names."""
    if error.errno in _NO_ROOM:
        return "make room"
    return f"give {named_by} a folder that can be written to"


def _beside(path: Path | str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{os.getpid()}.partial")


def _write(path: str, content: bytes, *, durable: bool, modified_ns: int | None) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        while content:
            content = content[os.write(file, content) :]
        if modified_ns is not None:
            os.utime(file, ns=(modified_ns, modified_ns))
        if durable:
            os.fsync(file)
    finally:
        os.close(file)


def _place(partial: str, place: str, make_folders: Callable[[], object] | None) -> None:
    try:
        try:
            os.replace(partial, place)
        except FileNotFoundError:
            if make_folders is None:
                raise
            make_folders()
            os.replace(partial, place)
    except OSError as error:
        raise NotPlaced(error.errno, error.strerror, place) from error


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
