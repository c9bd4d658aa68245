"""The CSV files of a results folder: written whole, then renamed to their places."""

import errno
import os
import time
import uuid
from contextlib import suppress
from pathlib import Path

from hybridsphere.messages import csv_key
from hybridsphere.paths import OWN_FOLDER, csv_path, csv_place

LEFTOVER_AGE_S = 3600

_IN_THE_WAY = {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_GONE = "gone, mount its disk again; to begin anew without it, restart the bridge"


class Blocked(OSError):
    """One place takes no file, while the disk under it does."""


class CsvFiles:
    """The files of one bridge, for one thread; several bridges may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partial = folder / OWN_FOLDER / "partial"
        # One thread writes a file at a time: one name does for all that are not whole yet.
        self._unfinished = str(self._partial / uuid.uuid4().hex)
        self._prepared = False

    def prepare(self) -> None:
        """Make the folders that files pass through; raises OSError, if they are gone meanwhile too.

        A disk is not mounted then, and what is written below its place is hidden once it is.
        """
        if not self._prepared:
            self._partial.parent.mkdir(exist_ok=True)
        try:
            self._partial.mkdir(exist_ok=True)
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, _GONE, str(self._partial.parent)) from error
        self._prepared = True

    def clear(self) -> None:
        """Remove what a crash left half-written."""
        for file in self._partial.iterdir():
            # Another bridge may be renaming its own while we look.
            with suppress(FileNotFoundError):
                # Old enough not to be under way there.
                if time.time() - file.stat().st_mtime > LEFTOVER_AGE_S:
                    file.unlink()

    def has(self, key: str, content: bytes) -> bool:
        """Whether the CSV of a video is there, with this content."""
        # What cannot be read is not there; what is in the way is found when it is written.
        with suppress(OSError):
            return (self._folder / csv_path(csv_key(key))).read_bytes() == content
        return False

    def write(self, key: str, content: bytes) -> None:
        """Write the CSV of a video. Raises OSError, which names its place; Blocked if it is that
        place alone which does not take it.
        """
        # Each result passes here: as a text, a path takes half the time.
        place = f"{self._folder}/{csv_place(csv_key(key))}"
        try:
            self._write_whole(place, content)
        except Blocked:
            raise
        except OSError as error:
            # Not by the unfinished file's name, which tells nobody anything.
            raise OSError(error.errno, error.strerror, place) from error

    def _write_whole(self, place: str, content: bytes) -> None:
        try:
            file = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                while content:
                    content = content[os.write(file, content) :]
            finally:
                os.close(file)
            try:
                self._put_in_place(place)
            except OSError as error:
                # The disk has taken the file. What else may be wrong with it has other numbers.
                if remedy := self._remedy(error):
                    raise Blocked(error.errno, f"{error.strerror}, {remedy}", place) from error
                raise
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(self._unfinished)
            raise

    def _remedy(self, error: OSError) -> str | None:
        """What makes a place take files again, if it is that place alone which takes none."""
        if error.errno in _IN_THE_WAY:
            return "move away what is in the way of"
        if error.errno == errno.EBUSY:
            return "unmount what is in the place of"
        if error.errno in _FORBIDDEN and os.access(self._folder, os.W_OK | os.X_OK):
            return "let the bridge's user write to the folder of"
        # A file is renamed on one disk only; if ours is another, it is so for every place.
        if error.errno == errno.EXDEV and _disk(self._partial) == _disk(self._folder):
            return "keep on the results folder's own disk the folder of"
        return None

    def _put_in_place(self, place: str) -> None:
        try:
            os.replace(self._unfinished, place)
        except FileNotFoundError:
            self._make_folders(Path(place))
            os.replace(self._unfinished, place)

    def _make_folders(self, place: Path) -> None:
        # One by one: `parents=True` makes the results folder too, and recurses once a folder,
        # of which a key can have a thousand.
        for folder in reversed(place.relative_to(self._folder).parents[:-1]):
            (self._folder / folder).mkdir(exist_ok=True)


def _disk(folder: Path) -> int:
    return folder.stat().st_dev
