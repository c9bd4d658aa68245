"""A person in the results folder: the ledger, the memory, CSV files, exports, remains."""

import io
import os
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

from hybridsphere.commands.desk import Desk
from hybridsphere.commands.forget.galleries import without
from hybridsphere.commands.forget.trace import Trace
from hybridsphere.files import write_whole
from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.memory.forgetting import Forgetter, Remembered
from hybridsphere.memory.memory import memory_path
from hybridsphere.paths import OWN_FOLDER
from hybridsphere.recognition.gallery import Gallery, GalleryError

SWEEP_WAIT_MS = 10_000
"""The longest wait for readers, whose old pages would stay in the WAL."""

_PAGE = 100
_MOST_LOOKS = 100
_ZIP = b"PK\x03\x04"
_CHUNK = 2**26
_OVERLAP = 4096
_SMALL = 2**29


class ResultsFolder:
    """One results folder, and one person in it."""

    def __init__(self, desk: Desk, trace: Trace) -> None:
        self._desk = desk
        self._trace = trace
        self._forgetter = Forgetter(desk.memory, trace.names)
        self._unswept: list[str] = []

    def find(self) -> tuple[Remembered, list[int], list[Path]]:
        """Find the person in the memory, in rows of the ledger and in other files."""
        remembered = self._forgetter.find()
        self._trace.remember_looks(self._forgetter.looks(remembered.faces, _MOST_LOOKS))
        rows = self._desk.ledger.rows_with(self._trace.names)
        return remembered, rows, list(self._files_with())

    def keys(self) -> int:
        """Count the uploads whose key has the name: videos that their uploader named so."""
        return max(self._desk.ledger.keys_with(name) for name in self._trace.names)

    def forget(self, remembered: Remembered, rows: list[int], counts: object) -> None:
        """Take the person out of memory and ledger, with their CSV files."""
        with self._desk.memory.transaction():
            self._forgetter.forget(remembered)
            self._forgetter.leave_receipt(counts)
        # Once at least: the record of a student may outlive the rows with the name.
        for start in range(0, max(1, len(rows)), _PAGE):
            self._forget_rows(rows[start : start + _PAGE])
        self._desk.derive()

    def rewrite_files(self) -> list[Path]:
        """Take the name out of other files; returns those that could not be changed.

        Files that somebody had edited have another place by now.
        """
        return [file for file in self._files_with() if not self._rewrite(file)]

    def sweep(self) -> None:
        """Overwrite what SQLite has freed: the WAL, and pages that hold older rows."""
        for database in (self._desk.memory, self._desk.ledger):
            connection = database.connection
            connection.execute("PRAGMA secure_delete = ON")
            if database.size() < _SMALL:
                # No copy of it touches the disk.
                connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("VACUUM")
            connection.execute(f"PRAGMA busy_timeout = {SWEEP_WAIT_MS}")
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                # Old pages stay while somebody reads, whatever the search finds in them.
                name = database.kind.path(self._desk.folder).relative_to(self._desk.folder)
                self._unswept.append(str(name))

    def search(self) -> tuple[int, int, list[str]]:
        """Search every byte of every file; returns files, bytes, and what still has the person."""
        files = size = 0
        left = list(self._unswept)
        for file in _all_files(self._desk.folder):
            files += 1
            size += file.stat().st_size
            if self._is_named(file) or self._is_left(file):
                left.append(str(file.relative_to(self._desk.folder)))
        return files, size, left

    def _forget_rows(self, rows: list[int]) -> None:
        ledger = self._desk.ledger
        with ledger.transaction():
            named = list(ledger.csvs_of(rows))
            for bucket, key in set(ledger.forget(rows, self._trace.names)):
                newest = ledger.newest(bucket, key)
                if newest and newest.effective_csv is not None:
                    # The files of before are no edits that would have to be kept.
                    self._desk.files.write(key, newest.effective_csv.encode(), lambda: named)

    def _files_with(self) -> Iterator[Path]:
        """Go through files beside the ledger, the memory and the CSV files that they explain."""
        own = {
            Path(f"{path}{end}")
            for path in (ledger_path(self._desk.folder), memory_path(self._desk.folder))
            for end in ("", "-wal", "-shm")
        }
        for file in _all_files(self._desk.folder):
            if file not in own and (self._is_photograph(file) or _has(file, self._trace)):
                yield file

    def _is_photograph(self, file: Path) -> bool:
        """Tell whether a file of the demo's own bears the name: a photograph of the person."""
        return OWN_FOLDER in file.parts and self._is_named(file)

    def _is_named(self, file: Path) -> bool:
        return self._trace.name_in_bytes(os.fsencode(file.name))

    def _rewrite(self, file: Path) -> bool:
        if self._is_photograph(file):
            file.unlink()
            return True
        content = file.read_bytes()
        try:
            if file.suffix == ".npz":
                without(Gallery.load(file), self._trace).save(file)
                return not _has(file, self._trace)
            if content.startswith(_ZIP):
                changed = _without_in_zip(content, self._trace)
            else:
                changed = self._trace.without(content.decode()).encode()
        except (UnicodeDecodeError, zipfile.BadZipFile, GalleryError):
            return False
        if changed != content:
            write_whole(file, changed)
        return not self._trace.in_bytes(changed)

    def _is_left(self, file: Path) -> bool:
        if file.name.startswith(("ledger.sqlite3", "memory.sqlite3")) and (
            file.parent.name == OWN_FOLDER
        ):
            return _has(file, self._trace) and not self._is_part_of_words(file)
        return _has(file, self._trace)

    def _is_part_of_words(self, file: Path) -> bool:
        """Tell whether a database has the letters of the name in longer words alone."""
        database = self._desk.memory if file.name.startswith("memory") else self._desk.ledger
        found = 0
        for value in _values(database.connection, self._trace.names):
            # Letters of a short name occur in pictures by chance.
            if isinstance(value, str) and self._trace.in_text(value):
                return False
            found += 1
        return found > 0 and not any(_has_bytes(file, look) for look in self._trace.looks)


def _all_files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            file = Path(place, name)
            if file.is_file() and not file.is_symlink():
                yield file


def _has(file: Path, trace: Trace) -> bool:
    try:
        return any(_content_has(content, trace) for content in _contents(file))
    except OSError:
        # It has left meanwhile.
        return False


def _content_has(content: bytes, trace: Trace) -> bool:
    if trace.in_bytes(content):
        return True
    if not content.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(trace.in_bytes(archive.read(name)) for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return False


def _contents(file: Path) -> Iterator[bytes]:
    """Read a file in pieces that overlap, so that nothing is cut in two."""
    with file.open("rb") as opened:
        rest = b""
        while piece := opened.read(_CHUNK):
            yield rest + piece
            rest = piece[-_OVERLAP:]


def _has_bytes(file: Path, wanted: bytes) -> bool:
    return any(wanted in content for content in _contents(file))


def _values(connection: sqlite3.Connection, names: tuple[str, ...]) -> Iterator[str | bytes]:
    """Go through all values of a database in which the letters of a name occur."""
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    for (table,) in tables:
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        for column in columns:
            for name in names:
                query = f"""SELECT "{column}" FROM "{table}" WHERE instr("{column}",
                    iif(typeof("{column}") = 'blob', ?, ?))"""  # noqa: S608 - ours
                for (value,) in connection.execute(query, (name.encode(), name)):
                    yield value if isinstance(value, bytes) else str(value)


def _without_in_zip(content: bytes, trace: Trace) -> bytes:
    """Return an archive, such as a workbook, without the name in its texts."""
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as copy,
    ):
        for entry in archive.infolist():
            part = archive.read(entry)
            if trace.name_in_bytes(part):
                part = trace.without(part.decode()).encode()
            copy.writestr(entry, part)
    return changed.getvalue()
