"""Results on disk: a row in the ledger and a CSV file each.

Changes that arrive during a transaction are batched into the next one: a hundred results cost one
commit. A change is durable when its call returns. While the disk refuses, the call waits and
retries, and `wait_until_working` keeps the pollers from receiving. If one file's place is blocked,
only the calls that write there wait.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Self

import structlog
from aiofiles.os import wrap

from hybridsphere.aws import Listed
from hybridsphere.bridge.batching import Batcher
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.store.expirer import Expirer
from hybridsphere.bridge.store.passing import passes
from hybridsphere.bridge.store.restorer import Restorer
from hybridsphere.bridge.store.unblocked import Aside, always, unblocked
from hybridsphere.bridge.store.writer import DISK, Change, Writer
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.errors import ConfigurationError
from hybridsphere.ledger.costs import Spending
from hybridsphere.ledger.ledger import Ledger, LedgerError, Upload, ledger_path
from hybridsphere.messages import OVERTAKEN, STATUSES, Result, S3Record
from hybridsphere.troubles import FAILURES_IN_A_ROW

MOST_CHANGES = 100
"""Changes in one transaction."""

LINGER_S = 0.005
"""How long a change waits for others to be committed with it: a commit waits for the disk."""

CLOSE_S = 1.0
"""How long a stop waits until the ledger is closed: a write to a disk that hangs never ends."""

HELD_AGAIN_S = 5.0
"""How long a held ledger may be reported after its reader has ended, if nothing is stored."""

ROOM_BYTES = 256 * 1024
"""Room that the disk must have at the start: about what a hundred results need."""

log = structlog.get_logger()


class ResultStore:
    """The results folder of one bridge; an async context manager, with `run` going meanwhile.

    Results leave the ledger after `keep_days`, by default never.
    """

    def __init__(
        self, folder: Path, health: Health, metrics: Metrics, *, keep_days: int | None = None
    ) -> None:
        self._folder = folder
        self._writer = Writer(folder, self._note_opened, self.note_edited)
        self._health = health
        self._metrics = metrics
        # One thread: SQLite has one writer at a time, and the order of changes is kept.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="results")
        self._batcher: Batcher[Change, Any] = Batcher(
            self._store, size=MOST_CHANGES, linger_s=LINGER_S
        )
        self._restorer = Restorer(self._writer, self.change, health=health, metrics=metrics)
        self._expirer = None if keep_days is None else Expirer(self.change, keep_days)
        self._counts = {status: metrics.results.labels(status) for status in STATUSES}
        self._working = asyncio.Event()
        # Set with each result whose faces are due.
        self.owed = asyncio.Event()
        self.stored = 0

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        try:
            await self._in_thread(self._writer.prepare)
        except BaseException as error:
            if not isinstance(error, (*DISK, LedgerError)) or not passes(error):
                # Close the ledger if it is open by then.
                self._thread.submit(self._writer.close)
                self._thread.shutdown(wait=False)
            if not isinstance(error, (*DISK, LedgerError)):
                raise
            if not passes(error):
                raise self._unusable(error) from error
            # The first change tries again.
        self._working.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        closing = asyncio.wrap_future(self._thread.submit(self._writer.close))
        self._thread.shutdown(wait=False)
        await asyncio.wait([closing], timeout=CLOSE_S)
        if closing.done():
            closing.result()
        else:
            log.warning("close.failed", reason="a write is still under way", within_s=CLOSE_S)

    async def refuse_others(self, bucket: str) -> None:
        """Claim the folder for a bucket, for good, and wait until the disk has room.

        Raises ConfigurationError if it is another bucket's, whose files would be overwritten, or if
        the ledger is damaged. A disk that fails is waited for.
        """
        try:
            changes: list[Change] = [
                lambda ledger: ledger.claim(bucket),
                lambda ledger: ledger.last_results(FAILURES_IN_A_ROW),
                lambda ledger: ledger.last_received(FAILURES_IN_A_ROW),
            ]
            owner, last, received = await self._persist(self._writer.apply, changes, passing=DISK)
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
        # Messages were good in an earlier run, so a single rejected one counts for little.
        if any(upload.received_at for upload in received):
            self._health.note_success("input messages")
        if any(upload.status != "failed" for upload in last):
            self._health.note_success("output messages")
            self._health.note_success("output objects")
        # A claim that is there already writes nothing, and a full disk would show after the first
        # invocations only.
        await self._persist(self._writer.try_out, ROOM_BYTES, passing=DISK)

    async def run(self) -> None:
        """Apply changes until cancelled; restore the files that a crash kept from the disk."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._batcher.run())
            tasks.create_task(self._restorer.run())
            tasks.create_task(self._look_after_held())
            if self._expirer:
                tasks.create_task(self._expirer.run())

    async def wait_until_working(self) -> None:
        """Return at once, or when results can be stored again."""
        await self._working.wait()

    async def note_invoked(self, record: S3Record, received_at: str, invoked_at: str) -> None:
        """Record that the function was invoked for an upload."""
        await self.change(lambda ledger: ledger.note_invoked(record, received_at, invoked_at))

    async def count_attempt(self, record: S3Record, received_at: str) -> int:
        """Count an attempt that ended in a function error; returns the count."""
        return int(await self.change(lambda ledger: ledger.count_attempt(record, received_at)))

    async def spending(self, since: str) -> Spending:
        """Sum up what Lambda cost since a moment."""
        found: Spending = await self.change(lambda ledger: ledger.spending(since))
        return found

    async def undone(self, records: Sequence[S3Record]) -> list[S3Record]:
        """Choose the records that were not invoked and have no result."""
        found: list[S3Record] = await self.change(
            lambda ledger: [record for record in records if not ledger.is_done(record)]
        )
        return found

    async def unmirrored(self, bucket: str, objects: Sequence[Listed]) -> list[Listed]:
        """Choose the objects of the output bucket that were not fetched as they stand."""
        found: list[Listed] = await self.change(
            lambda ledger: [
                one
                for one in objects
                if not ledger.is_mirrored(bucket, one.key, one.etag, one.last_modified)
            ]
        )
        return found

    async def note_mirrored(self, bucket: str, found: Listed) -> None:
        """Record that an object of the output bucket was fetched."""
        seen = (found.key, found.etag, found.last_modified)
        await self.change(lambda ledger: ledger.note_mirrored(bucket, *seen))

    async def overtaken(self, bucket: str, key: str) -> list[S3Record]:
        """List the invoked uploads of a key without a result, of which a newer one has its own."""
        found: list[S3Record] = await self.change(lambda ledger: ledger.overtaken(bucket, key))
        return found

    async def put(self, results: Sequence[Result], aside: Aside = always) -> None:
        """Store results; a result that a stored one outranks changes nothing.

        While the place of a file is blocked this waits, if `aside` says so; else it raises Blocked.
        """
        written = await unblocked(
            partial(self.change, lambda ledger: self._writer.put(ledger, results)),
            aside,
            health=self._health,
            metrics=self._metrics,
        )
        self.stored += len(written)
        for result in written:
            if result.faces_key:
                self.owed.set()
            self._note(result)
            self._counts[result.status].inc()
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
        if ended.status != "failed":
            self._health.note_success("uploads")
        elif ended.reason != OVERTAKEN:
            self._health.note_failure("uploads", f"{ended.key} {ended.version}", ended.reason or "")

    async def _look_after_held(self) -> NoReturn:
        """End the trouble of a held ledger: only a transaction finds out that it is free."""
        while True:
            await asyncio.sleep(HELD_AGAIN_S)
            if self._writer.held:
                await self.change(lambda _: None)

    async def change(self, change: Change) -> Any:
        """Apply a change of the ledger; it is durable, with those beside it, when this returns."""
        answer = await self._batcher.submit(change)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _store(self, changes: Sequence[Change]) -> list[Any]:
        """Make changes durable, however long it takes; a damaged ledger may be moved away."""
        answers: list[Any] = await self._persist(
            self._writer.apply, changes, passing=(*DISK, LedgerError)
        )
        return answers

    async def _persist(
        self, work: Callable[..., Any], *values: Any, passing: tuple[type[Exception], ...]
    ) -> Any:
        """Run work in the thread until no passing error stops it."""
        backoff = Backoff()
        while True:
            try:
                answer = await self._in_thread(work, *values)
            except passing as error:
                self._working.clear()
                self._metrics.storage_errors.inc()
                self._health.report("results", f"{type(error).__name__}: {error}")
                await backoff.wait(error)
            else:
                self._working.set()
                self._health.clear("results")
                if held := self._writer.held:
                    self._health.report("ledger", held)
                else:
                    self._health.clear("ledger")
                return answer

    def _unusable(self, error: Exception) -> ConfigurationError:
        reason, hint = (
            (error.message, error.hint) if isinstance(error, LedgerError) else (str(error), "")
        )
        return ConfigurationError(
            f"HYBRIDSPHERE_RESULTS_DIR={str(self._folder)!r} cannot be used: {reason}", hint=hint
        )

    async def _in_thread(self, function: Callable[..., Any], *values: Any) -> Any:
        return await wrap(function)(*values, executor=self._thread)

    def _note_opened(self, ledger: Ledger) -> None:
        """Log how a ledger began; called in the writer's thread."""
        path = str(ledger_path(self._folder))
        if ledger.created:
            self._loop.call_soon_threadsafe(lambda: log.info("ledger.created", path=path))
        elif ledger.migrated:
            self._loop.call_soon_threadsafe(lambda: log.info("ledger.migrated", path=path))

    def note_edited(self, key: str, copy: str) -> None:
        """Log that somebody had edited a CSV; called in the writer's thread."""
        self._loop.call_soon_threadsafe(lambda: log.warning("file.edited", key=key, kept_as=copy))
