"""The CSV files of a results folder."""

import errno
import os
import time
import uuid
from contextlib import suppress
from pathlib import Path

from hybridsphere.files import NotPlaced, folds_names, try_out, write_whole
from hybridsphere.messages import csv_key
from hybridsphere.paths import OWN_FOLDER, csv_place

LEFTOVER_AGE_S = 3600

_OBSTRUCTED = {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP}
_UNFIT = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EMLINK}
"""Refusals of a name: too long where names are encrypted, forbidden characters, no valid Unicode;
and of one more folder in a folder."""
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_GONE = "gone, mount its disk again; to start without the old results, restart the bridge"


class Blocked(OSError):
    """One place takes no file, while the disk under it does."""


class CsvFiles:
    """The files of one bridge, for one thread; several bridges may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        with suppress(OSError):
            return Path(self._place(key)).read_bytes() == content
        return False

    def write(self, key: str, content: bytes) -> None:
        """Write a video's CSV. Raises OSError; Blocked if this place alone takes no file."""
        # Every result passes here: as a text, a path takes half the time. The ledger is durable,
        # and files that a power cut takes are written again from it.
        place = self._place(key)
        try:
            write_whole(
                place,
                content,
                partial=self._unfinished,
                durable=False,
                make_folders=lambda: self._make_folders(Path(place)),
            )
        except NotPlaced as error:
            # The disk has taken the content. Its other troubles have other numbers.
            if remedy := self._remedy(error):
                raise Blocked(error.errno, f"{error.strerror}, {remedy}", place) from error
            raise

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
