"""Results on disk: a row in the ledger and a CSV file each.

Whatever is asked for while a transaction is under way goes together in the next, so that a batch of
results costs one commit. A change is durable when its call returns. While the disk does not take
it, the call waits and tries again; `wait_until_working` tells the pollers not to receive meanwhile.
"""

import asyncio
import errno
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Self

import structlog
from aiofiles.os import wrap

from hybridsphere.aws import Listed
from hybridsphere.bridge.backoff import Backoff
from hybridsphere.bridge.batcher import Batcher
from hybridsphere.bridge.health import Health
from hybridsphere.bridge.metrics import Metrics
from hybridsphere.ledger import Ledger, LedgerError, Upload
from hybridsphere.messages import Result, S3Record, csv_key, utc_text
from hybridsphere.paths import OWN_FOLDER, csv_path
from hybridsphere.settings import ConfigurationError

BATCH = 100
"""Changes that one transaction takes at most."""

LEFTOVER_AGE_S = 3600

Change = Callable[[Ledger], Any]
log = structlog.get_logger()


class ResultStore:
    """The results folder of one bridge; an async context manager, with `run` going meanwhile."""

    def __init__(self, folder: Path, health: Health, metrics: Metrics) -> None:
        self._folder = folder
        self._partial = folder / OWN_FOLDER / "partial"
        # The thread writes a file at a time: one name does for all that are not whole yet.
        self._unfinished = self._partial / uuid.uuid4().hex
        self._health = health
        self._metrics = metrics
        self._ledger: Ledger | None = None
        # One thread: SQLite has one writer at a time, and the order of changes is kept.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="results")
        self._batcher: Batcher[Change, Any] = Batcher(self._store, size=BATCH)
        self._working = asyncio.Event()

    async def __aenter__(self) -> Self:
        try:
            await self._in_thread(self._prepare)
        except (OSError, sqlite3.Error, LedgerError) as error:
            self._thread.shutdown(wait=False)
            raise ConfigurationError(
                f"HYBRIDSPHERE_RESULTS_DIR={str(self._folder)!r} cannot be used: {error}"
            ) from error
        self._working.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def refuse_others(self, bucket: str) -> None:
        """Raise ConfigurationError if the folder holds the uploads of another bucket than this.

        Their files would take each other's places.
        """
        if other := await self._in_thread(self._other_bucket, bucket):
            raise ConfigurationError(
                f"HYBRIDSPHERE_RESULTS_DIR={str(self._folder)!r} holds the results of the bucket "
                f"{other}, and HYBRIDSPHERE_INPUT_BUCKET is {bucket}: name another folder"
            )

    async def run(self) -> None:
        """Take changes until cancelled; first write again what a crash kept from the disk."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._batcher.run())
            tasks.create_task(self._restore())

    async def wait_until_working(self) -> None:
        """Return at once, or when results can be stored again."""
        await self._working.wait()

    async def note_invoked(self, record: S3Record, received_at: str, invoked_at: str) -> None:
        await self._change(lambda ledger: ledger.note_invoked(record, received_at, invoked_at))

    async def count_attempt(self, record: S3Record, received_at: str) -> int:
        return int(await self._change(lambda ledger: ledger.count_attempt(record, received_at)))

    async def undone(self, records: Sequence[S3Record]) -> list[S3Record]:
        """Those records that nobody was invoked for, and that have no result."""
        found: list[S3Record] = await self._change(
            lambda ledger: [record for record in records if not ledger.is_done(record)]
        )
        return found

    async def unmirrored(self, bucket: str, objects: Sequence[Listed]) -> list[Listed]:
        """Those objects of the output bucket that were not fetched as they stand."""
        found: list[Listed] = await self._change(
            lambda ledger: [o for o in objects if not ledger.is_mirrored(bucket, *astuple(o))]
        )
        return found

    async def note_mirrored(self, bucket: str, found: Listed) -> None:
        await self._change(lambda ledger: ledger.note_mirrored(bucket, *astuple(found)))

    async def put(self, results: Sequence[Result]) -> None:
        """Store results; those that a stored one outranks change nothing."""
        written = await self._change(lambda ledger: self._put(ledger, results))
        for result in written:
            self._metrics.results.labels(result.status).inc()
            log.info(
                "result.written",
                bucket=result.bucket,
                key=result.key,
                version=result.version.id,
                status=result.status,
                reason=result.reason,
            )

    async def _change(self, change: Change) -> Any:
        outcome = await self._batcher.submit(change)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _store(self, changes: Sequence[Change]) -> list[Any]:
        """Make changes durable, however long that takes."""
        backoff = Backoff()
        while True:
            try:
                outcomes: list[Any] = await self._in_thread(self._apply, changes)
            except (OSError, sqlite3.Error, LedgerError) as error:
                self._working.clear()
                self._metrics.storage_errors.inc()
                self._health.report("results", f"{type(error).__name__}: {error}")
                await backoff.wait(error)
            else:
                self._working.set()
                self._health.clear("results")
                return outcomes

    async def _restore(self) -> None:
        """Write the files again that the ledger has and the disk has not."""
        after: tuple[str, str] | None = ("", "")
        restored = 0
        while after is not None:
            # A page is a change like any other, so that results are stored between two.
            after, count = await self._change(partial(self._restore_page, after=after))
            restored += count
        if restored:
            log.info("files.restored", files=restored)

    async def _in_thread(self, function: Callable[..., Any], *values: Any) -> Any:
        return await wrap(function)(*values, executor=self._thread)

    # What follows runs in the thread.

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ledger = self._open()
        for file in self._partial.iterdir():
            # Another bridge may be renaming its own while we look.
            with suppress(FileNotFoundError):
                # Old enough not to be under way there: a crash left it.
                if time.time() - file.stat().st_mtime > LEFTOVER_AGE_S:
                    file.unlink()

    def _open(self) -> Ledger:
        # The results folder itself is not made anew: where it is gone, a disk is not mounted.
        self._partial.parent.mkdir(exist_ok=True)
        self._partial.mkdir(exist_ok=True)
        return Ledger.open(self._folder)

    def _other_bucket(self, bucket: str) -> str | None:
        return self._ledger.other_bucket(bucket) if self._ledger else None

    def _close(self) -> None:
        if self._ledger:
            self._ledger.close()
            self._ledger = None

    def _apply(self, changes: Sequence[Change]) -> list[Any]:
        """All changes in one transaction, or, if one of them is at fault, in one each."""
        try:
            # After a failure the ledger is opened anew: the disk under it may be another.
            self._ledger = self._ledger or self._open()
            with self._ledger.transaction():
                return [change(self._ledger) for change in changes]
        except (OSError, sqlite3.Error, LedgerError):
            self._close()
            raise
        except Exception as error:  # noqa: BLE001 - goes to the caller whose change it is
            if len(changes) == 1:
                return [error]
            return [self._apply([change])[0] for change in changes]

    def _put(self, ledger: Ledger, results: Sequence[Result]) -> list[Result]:
        now = utc_text()
        written = [result for result in results if ledger.put_result(result, now)]
        for result in written:
            # Before the commit, whose lock keeps another bridge from writing an older version.
            if ledger.is_newest(result):
                self._write_file(result.key, result.csv.encode())
        return written

    def _restore_page(
        self, ledger: Ledger, *, after: tuple[str, str]
    ) -> tuple[tuple[str, str] | None, int]:
        names = ledger.names(after=after, most=BATCH)
        newest = [upload for name in names if (upload := ledger.newest(*name))]
        missing = [upload for upload in newest if not self._is_on_disk(upload)]
        for upload in missing:
            self._write_file(upload.key, _content(upload))
        return (names[-1] if names else None), len(missing)

    def _is_on_disk(self, upload: Upload) -> bool:
        try:
            path = self._folder / csv_path(csv_key(upload.key))
            return path.read_bytes() == _content(upload)
        except FileNotFoundError:
            return False

    def _write_file(self, key: str, content: bytes) -> None:
        """Write a CSV whole, then rename it to its place."""
        path = csv_path(csv_key(key))
        try:
            self._write_whole(path, content)
        except OSError as error:
            # Not by the unfinished file's name, which tells nobody anything.
            in_the_way = error.errno in {errno.EEXIST, errno.EISDIR, errno.ENOTDIR}
            remedy = ", move away what is in the way of" if in_the_way else ""
            place = str(self._folder / path)
            raise OSError(error.errno, f"{error.strerror}{remedy}", place) from error

    def _write_whole(self, path: PurePosixPath, content: bytes) -> None:
        try:
            # Each result passes here: a file object would cost as much again as the file.
            file = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                while content:
                    content = content[os.write(file, content) :]
            finally:
                os.close(file)
            try:
                self._unfinished.replace(self._folder / path)
            except FileNotFoundError:
                self._make_folders(path)
                self._unfinished.replace(self._folder / path)
        except BaseException:
            self._unfinished.unlink(missing_ok=True)
            raise

    def _make_folders(self, path: PurePosixPath) -> None:
        # One by one: `parents=True` makes the results folder too, and recurses once a folder,
        # of which a key can have a thousand.
        for folder in reversed(path.parents[:-1]):
            (self._folder / folder).mkdir(exist_ok=True)


def _content(upload: Upload) -> bytes:
    return (upload.csv or "").encode()
