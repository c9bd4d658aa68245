"""The CSV files of a results folder.

A file that somebody has edited is never lost: before another CSV replaces it, it is kept beside as
`NAME.csv.edited`. The fraction of a second in a file's time is derived from its content, so an
edit shows.
"""

import errno
import os
import stat
import time
import uuid
import zlib
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import count
from pathlib import Path

from hybridsphere.files import NotPlaced, folds_names, try_out, write_whole
from hybridsphere.messages import MOST_CSV_BYTES, csv_key
from hybridsphere.paths import MAX_NAME_BYTES, OWN_FOLDER, csv_place

LEFTOVER_AGE_S = 3600

_OBSTRUCTED = {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP}
_UNFIT = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EMLINK}
"""Refusals of a name: too long where names are encrypted, forbidden characters, no valid Unicode;
and of one more folder in a folder."""
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_GONE = "gone, mount its disk again; to start without the old results, restart the bridge"


class Blocked(OSError):
    """One place takes no file, while the disk under it does."""


_SECOND_NS = 1_000_000_000


class CsvFiles:
    """The files of one process, for one thread; several processes may share the folder.

    `on_edited` is called with the key of a video whose CSV somebody had edited, and with the place
    of the copy.
    """

    def __init__(
        self, folder: Path, on_edited: Callable[[str, str], object] = lambda *_: None
    ) -> None:
        self._folder = folder
        self._on_edited = on_edited
        self._partial = folder / OWN_FOLDER / "partial"
        # One thread writes one file at a time, so one name is enough.
        self._unfinished = str(self._partial / uuid.uuid4().hex)
        self._prepared = False
        self._folds = False

    def prepare(self) -> None:
        """Create the folders that files pass through. Raises OSError.

        Folders that vanish later are not recreated: then a disk is not mounted, and its mount would
        hide new files.
        """
        if not self._prepared:
            self._partial.parent.mkdir(exist_ok=True)
        try:
            self._partial.mkdir(exist_ok=True)
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, _GONE, str(self._partial.parent)) from error
        self._folds = folds_names(self._partial)
        self._prepared = True

    def clear(self) -> None:
        """Remove the files that a crash left half-written."""
        for file in self._partial.iterdir():
            # Another bridge may rename its file meanwhile.
            with suppress(FileNotFoundError):
                # A younger file may still be in use there.
                if time.time() - file.stat().st_mtime > LEFTOVER_AGE_S:
                    file.unlink()

    def try_out(self, size: int) -> None:
        """Write `size` bytes to the disk and remove them. Raises OSError."""
        try_out(self._partial, size)

    def has(self, key: str, content: bytes) -> bool:
        """Tell whether a video's CSV is there, with this content."""
        # An unreadable file counts as missing: writing it finds the reason.
        return _read(self._place(key)) == content

    def write(
        self, key: str, content: bytes, known: Callable[[], Collection[bytes]] = tuple
    ) -> None:
        """Write a video's CSV. Raises OSError; Blocked if this place alone takes no file.

        `known` returns CSVs that are not somebody's work, such as those of the ledger. A file with
        other content is kept beside.
        """
        # Every result passes here: as a text, a path takes half the time. The ledger is durable,
        # and files that a power cut takes are written again from it.
        place = self._place(key)
        if os.access(place, os.F_OK):
            self._keep_edited(key, place, content, known)
        try:
            write_whole(
                place,
                content,
                partial=self._unfinished,
                durable=False,
                modified_ns=_signed_time(content),
                make_folders=lambda: self._make_folders(Path(place)),
            )
        except NotPlaced as error:
            # The disk has taken the content. Its other troubles have other numbers.
            if remedy := self._remedy(error):
                raise Blocked(error.errno, f"{error.strerror}, {remedy}", place) from error
            raise

    def _keep_edited(
        self, key: str, place: str, content: bytes, known: Callable[[], Collection[bytes]]
    ) -> None:
        """Keep a file beside its place if somebody has edited it."""
        found = _read(place)
        if found in {None, content} or _is_signed(place, found or b"") or found in known():
            return
        for number in count(1):
            copy = _edited(place, number)
            try:
                os.link(place, copy)
            except FileExistsError:
                if _is_same(place, copy):
                    # An earlier try kept it, and then could not write the new file.
                    return
                continue
            except OSError:
                # This file system has no links.
                if os.path.lexists(copy):
                    continue
                with suppress(OSError):
                    Path(place).rename(copy)
            self._on_edited(key, copy)
            return

    def _place(self, key: str) -> str:
        return f"{self._folder}/{csv_place(csv_key(key), folds=self._folds)}"

    def _remedy(self, error: OSError) -> str | None:
        """Name what makes a place take files again; None if the whole disk takes none."""
        if error.errno in _OBSTRUCTED:
            return "move away what blocks the place of"
        if error.errno in _UNFIT:
            return "use a file system that takes this name (ext4, XFS) for"
        if error.errno == errno.EBUSY:
            return "unmount what is in the place of"
        if error.errno in _FORBIDDEN and os.access(self._folder, os.W_OK | os.X_OK):
            return "let the bridge's user write to the folder of"
        # A file is renamed within one disk only. If our own folder is on another one, all places
        # are affected.
        if error.errno == errno.EXDEV and _disk(self._partial) == _disk(self._folder):
            return "keep on the results folder's own disk the folder of"
        return None

    def _make_folders(self, place: Path) -> None:
        # One by one: `parents=True` makes the results folder too, and recurses once a folder. A
        # key can have a thousand.
        for folder in reversed(place.relative_to(self._folder).parents[:-1]):
            (self._folder / folder).mkdir(exist_ok=True)


def _disk(folder: Path) -> int:
    return folder.stat().st_dev


def _read(place: str) -> bytes | None:
    """Read a file; None for a missing, unreadable or other kind of file.

    Larger than any CSV, it is somebody's own, so its end does not matter.
    """
    try:
        # A pipe would be waited for.
        file = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        return _all_of(file)
    except OSError:
        return None
    finally:
        os.close(file)


def _all_of(file: int) -> bytes:
    parts = []
    size = 0
    while size <= MOST_CSV_BYTES and (part := os.read(file, MOST_CSV_BYTES + 1)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _signature(content: bytes) -> int:
    """Return the nanoseconds that the time of a file with this content has."""
    return zlib.crc32(content) % _SECOND_NS


def _signed_time(content: bytes) -> int:
    # A second back, so that no file is from the future.
    return (time.time_ns() // _SECOND_NS - 1) * _SECOND_NS + _signature(content)


def _is_signed(place: str, content: bytes) -> bool:
    """Tell whether a file is as we wrote it; an edit sets another time."""
    try:
        return os.stat(place).st_mtime_ns % _SECOND_NS == _signature(content)  # noqa: PTH116
    except OSError:
        return False


def _is_same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def _edited(place: str, number: int) -> str:
    """Return the place of the copy, shortened to a name that fits."""
    folder, name = os.path.split(place)
    ending = ".edited" if number == 1 else f".edited.{number}"
    room = MAX_NAME_BYTES - len(ending)
    return os.path.join(folder, name.encode()[:room].decode(errors="ignore") + ending)  # noqa: PTH118
