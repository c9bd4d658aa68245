"""Results on disk: a row in the ledger and a CSV file each.

Whatever is asked for while a transaction is under way goes together in the next, so that a batch of
results costs one commit. A change is durable when its call returns. While the disk does not take
it, the call waits and tries again; `wait_until_working` tells the pollers not to receive meanwhile.
Where it is one file's place that takes nothing, only those calls wait that write there.
"""

import asyncio
import errno
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path
from typing import Any, Self

import structlog
from aiofiles.os import wrap

from hybridsphere.aws import Listed
from hybridsphere.bridge.batching import Batcher
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.store.csv_files import Blocked, CsvFiles
from hybridsphere.bridge.store.restorer import Restorer
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.errors import ConfigurationError
from hybridsphere.ledger.ledger import Ledger, LedgerError, Upload
from hybridsphere.messages import Result, S3Record, utc_text
from hybridsphere.troubles import FAILURES_IN_A_ROW

BATCH = 100
"""Changes that one transaction takes at most."""

LINGER_S = 0.005
"""How long a change waits for others to be committed with it: a commit waits for the disk."""

CLOSE_S = 1.0
"""How long a stop waits for the ledger to be closed: a write to a disk that hangs never ends."""

_DISK = (OSError, sqlite3.Error)
"""What a disk that is full, or fails, says itself or through SQLite."""

_PASSING = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    # Another process's, which keeps even readers away.
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
}
"""What SQLite says of a disk that is full or fails, and of a ledger that another process holds."""

Change = Callable[[Ledger], Any]
log = structlog.get_logger()


class ResultStore:
    """The results folder of one bridge; an async context manager, with `run` going meanwhile."""

    def __init__(self, folder: Path, health: Health, metrics: Metrics) -> None:
        self._folder = folder
        self._files = CsvFiles(folder)
        self._health = health
        self._metrics = metrics
        self._ledger: Ledger | None = None
        # One thread: SQLite has one writer at a time, and the order of changes is kept.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="results")
        self._batcher: Batcher[Change, Any] = Batcher(self._store, size=BATCH, linger_s=LINGER_S)
        self._restorer = Restorer(self._files, self._change, health=health, metrics=metrics)
        self._working = asyncio.Event()

    async def __aenter__(self) -> Self:
        try:
            await self._in_thread(self._prepare)
        except BaseException as error:
            if _passes(error):
                # The first change opens the ledger instead, once it can.
                self._working.set()
                return self
            # Whatever has been opened by then, even if nobody waits for it any more.
            self._thread.submit(self._close)
            self._thread.shutdown(wait=False)
            if not isinstance(error, (OSError, sqlite3.Error, LedgerError)):
                raise
            raise self._unusable(error) from error
        self._working.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        closing = asyncio.wrap_future(self._thread.submit(self._close))
        self._thread.shutdown(wait=False)
        await asyncio.wait([closing], timeout=CLOSE_S)
        if closing.done():
            closing.result()
        else:
            log.warning("close.failed", reason="a write is still under way", within_s=CLOSE_S)

    async def refuse_others(self, bucket: str) -> None:
        """Make the folder this bucket's, for good; ConfigurationError if it is another's already.

        Their files would take each other's places. The same if the ledger is damaged, whereas a
        disk that does not take the bucket's name is waited for.
        """
        try:
            changes: list[Change] = [
                lambda ledger: ledger.claim(bucket),
                lambda ledger: ledger.last_results(FAILURES_IN_A_ROW),
            ]
            owner, last = await self._persist(changes, _DISK)
        except LedgerError as error:
            raise self._unusable(error) from error
        if owner != bucket:
            raise ConfigurationError(
                f"HYBRIDSPHERE_RESULTS_DIR={str(self._folder)!r} is the folder of the bucket "
                f"{owner}, and HYBRIDSPHERE_INPUT_BUCKET is {bucket}: name another folder"
            )
        # A new bridge knows that the last uploads failed, as status does.
        for upload in reversed(last):
            self._note(upload)

    async def run(self) -> None:
        """Take changes until cancelled; first write again what a crash kept from the disk."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._batcher.run())
            tasks.create_task(self._restorer.run())

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
        written = await self._unblocked(lambda ledger: self._put(ledger, results))
        for result in written:
            self._note(result)
            self._metrics.results.labels(result.status).inc()
            log.info(
                "result.written",
                bucket=result.bucket,
                key=result.key,
                version=result.version.id,
                status=result.status,
                reason=result.reason,
            )

    def _note(self, ended: Result | Upload) -> None:
        """Count a result for the health: uploads that all fail are a trouble."""
        if ended.status == "failed":
            self._health.note_failure("uploads", f"{ended.key} {ended.version}", ended.reason or "")
        else:
            self._health.note_success("uploads")

    async def _change(self, change: Change) -> Any:
        outcome = await self._batcher.submit(change)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _unblocked(self, change: Change) -> Any:
        """The same for a change that writes files, once nothing is in the way of any."""
        backoff = Backoff()
        part: str | None = None
        try:
            while True:
                try:
                    return await self._change(change)
                except Blocked as error:
                    if part not in {None, f"file {error.filename}"}:
                        # That one is free by now, and another is not.
                        self._health.clear(part)
                    part = f"file {error.filename}"
                    self._metrics.storage_errors.inc()
                    self._health.report(part, str(error))
                    await backoff.wait(error)
        finally:
            if part:
                self._health.clear(part)

    async def _store(self, changes: Sequence[Change]) -> list[Any]:
        """Make changes durable, however long that takes; a ledger that is damaged, say, may be
        moved away meanwhile.
        """
        return await self._persist(changes, (*_DISK, LedgerError))

    async def _persist(
        self, changes: Sequence[Change], passing: tuple[type[Exception], ...]
    ) -> list[Any]:
        """Make changes durable; what is held to pass by itself is waited for."""
        backoff = Backoff()
        while True:
            try:
                outcomes: list[Any] = await self._in_thread(self._apply, changes)
            except passing as error:
                self._working.clear()
                self._metrics.storage_errors.inc()
                self._health.report("results", f"{type(error).__name__}: {error}")
                await backoff.wait(error)
            else:
                self._working.set()
                self._health.clear("results")
                return outcomes

    def _unusable(self, error: Exception) -> ConfigurationError:
        return ConfigurationError(
            f"HYBRIDSPHERE_RESULTS_DIR={str(self._folder)!r} cannot be used: {error}"
        )

    async def _in_thread(self, function: Callable[..., Any], *values: Any) -> Any:
        return await wrap(function)(*values, executor=self._thread)

    # What follows runs in the thread.

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ledger = self._open()
        self._files.clear()

    def _open(self) -> Ledger:
        self._files.prepare()
        return Ledger.open(self._folder)

    def _close(self) -> None:
        if self._ledger:
            self._ledger.close()
            self._ledger = None

    def _apply(self, changes: Sequence[Change]) -> list[Any]:
        """All changes in one transaction; in place of one at fault, what is wrong with it."""
        try:
            # After a failure the ledger is opened anew: the disk under it may be another.
            ledger = self._ledger = self._ledger or self._open()
            try:
                with ledger.transaction():
                    return [change(ledger) for change in changes]
            except Exception as error:
                if not _at_fault(error):
                    raise
            # In one again: should the disk fail now, nothing is made twice.
            with ledger.transaction():
                return [_outcome(change, ledger) for change in changes]
        except Exception:
            self._close()
            raise

    def _put(self, ledger: Ledger, results: Sequence[Result]) -> list[Result]:
        now = utc_text()
        written = [result for result in results if ledger.put_result(result, now)]
        for result in written:
            # Before the commit, whose lock keeps another bridge from writing an older version.
            if ledger.is_newest(result):
                self._files.write(result.key, result.csv.encode())
        return written


def _outcome(change: Change, ledger: Ledger) -> Any:
    """What a change returns, or what is wrong with it, and then it is undone."""
    try:
        with ledger.savepoint():
            return change(ledger)
    except Exception as error:
        if not _at_fault(error):
            raise
        return error


def _at_fault(error: Exception) -> bool:
    """Whether it is the change that fails, as against the disk or the ledger under it."""
    return isinstance(error, Blocked) or not isinstance(error, (*_DISK, LedgerError))


def _passes(error: BaseException) -> bool:
    """Whether it is over by itself, as against a folder or a ledger that cannot be used."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _PASSING
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}
