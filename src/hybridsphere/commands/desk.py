"""The desk at which people look through faces and judge: ledger, memory and CSV files, open."""

import getpass
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hybridsphere.console import note
from hybridsphere.errors import CannotRun, CannotRunNow
from hybridsphere.ledger.csv_files import Blocked, CsvFiles
from hybridsphere.ledger.file import UnreadableFile
from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.memory.answers import derive_all
from hybridsphere.memory.memory import Face, Memory
from hybridsphere.messages import UnusableName, name_form

_BUSY = "another program keeps writing to it; try again"

_RECORDED = "the word is recorded, and the answer is late"
_DO_NOT_REPEAT = "do not repeat the word: the bridge derives the answer once the disk takes it"


@dataclass(frozen=True, slots=True)
class Desk:
    """The files of one results folder, open for changes; `by` is who judges."""

    folder: Path
    ledger: Ledger
    memory: Memory
    files: CsvFiles
    by: str

    @classmethod
    @contextmanager
    def open(cls, folder: Path, by: str | None = None) -> Iterator["Desk"]:
        """Open all. Raises LedgerError where no bridge has stored a result, CannotRun."""
        # Opening for changes would create a ledger.
        with Ledger.read(folder):
            pass
        files = CsvFiles(folder, lambda _, copy: note(f"somebody's edits are kept in {copy}"))
        with _busy(folder):
            files.prepare()
            with Ledger.open(folder) as ledger, Memory.open(folder) as memory:
                yield cls(folder, ledger, memory, files, by or _user())

    def derive(self) -> int:
        """Derive every answer that is due; returns how many. Places that take no file are noted.

        A ledger that stays locked is noted, too: the words are recorded, the bridge derives what
        they change, and who repeated the command would say them twice.
        """

        def blocked(error: Blocked) -> None:
            note(f"{error.filename} could not be written: {error.strerror}")

        return derive_all(self.memory, self.ledger, self.files, on_blocked=blocked)

    def follow(self) -> int | None:
        """Derive every answer after a word was recorded; returns how many, None if they are late.

        Late answers are noted: their marks stay, and the bridge, the page or the next command
        derives them. Raises CannotRunNow for a disk that takes nothing.
        """
        try:
            return self.derive()
        except (OSError, sqlite3.Error, UnreadableFile) as error:
            if not _is_busy(error):
                raise CannotRunNow(f"{_RECORDED}: {error}", hint=_DO_NOT_REPEAT) from error
        note(f"{_RECORDED}: another program keeps writing. It follows without another word.")
        return None

    def upload(self, key: str) -> Upload:
        """Find the newest version of a key, or of the key that a CSV belongs to."""
        found = self.ledger.newest_of_key(key) or (
            self.ledger.newest_of_key(key.removesuffix(".csv")) if key.endswith(".csv") else None
        )
        if found is None:
            raise CannotRun(
                f"no result of {key} in {self.folder}",
                hint="`hybridsphere results find` lists the keys",
            )
        return found

    def face(self, number: int) -> Face:
        """Find a face by its number."""
        face = self.memory.face(number)
        if face is None:
            raise CannotRun(
                f"no face {number} is kept", hint="`hybridsphere faces` lists faces with numbers"
            )
        return face


@contextmanager
def reading(folder: Path) -> Iterator[Memory]:
    """Open the memory to read it. Raises MemoryFileError if it is missing."""
    with Memory.read(folder) as memory:
        yield memory


def usable_name(text: str) -> str:
    """Return a name in its one form. Raises CannotRun."""
    try:
        return name_form(text)
    except UnusableName as error:
        raise CannotRun(f"{text!r}: {error}", hint="type the name again") from error


@contextmanager
def _busy(folder: Path) -> Iterator[None]:
    """Report a file that stays locked as a trouble that may pass."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if not _is_busy(error):
            raise CannotRun(f"{folder}: {error}") from error
        raise CannotRunNow(f"{folder}: {error}", hint=_BUSY) from error


def _is_busy(error: Exception) -> bool:
    busy = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF in busy


def _user() -> str:
    """Return who is at the terminal: `sudo` and the service's wrapper hide that user."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
