"""Results on disk: a row in the ledger and a CSV file each.

Whatever is asked for while a transaction is under way goes together in the next, so that a batch of
results costs one commit. A change is durable when its call returns. While the disk does not take
it, the call waits and tries again; `wait_until_working` tells the pollers not to receive meanwhile.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any, Self

import structlog
from aiofiles.os import wrap

from hybridsphere.aws import Listed
from hybridsphere.bridge.backoff import Backoff
from hybridsphere.bridge.batcher import Batcher
from hybridsphere.bridge.csv_files import CsvFiles
from hybridsphere.bridge.health import Health
from hybridsphere.bridge.metrics import Metrics
from hybridsphere.ledger import Ledger, LedgerError, Upload
from hybridsphere.messages import Result, S3Record, utc_text
from hybridsphere.settings import ConfigurationError

BATCH = 100
"""Changes that one transaction takes at most."""

LINGER_S = 0.005
"""How long a change waits for others to be committed with it: a commit waits for the disk."""

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
        self._files.clear()

    def _open(self) -> Ledger:
        self._files.prepare()
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
                self._files.write(result.key, result.csv.encode())
        return written

    def _restore_page(
        self, ledger: Ledger, *, after: tuple[str, str]
    ) -> tuple[tuple[str, str] | None, int]:
        names = ledger.names(after=after, most=BATCH)
        newest = [upload for name in names if (upload := ledger.newest(*name))]
        missing = [upload for upload in newest if not self._files.has(upload.key, _content(upload))]
        for upload in missing:
            self._files.write(upload.key, _content(upload))
        return (names[-1] if names else None), len(missing)


def _content(upload: Upload) -> bytes:
    return (upload.csv or "").encode()
