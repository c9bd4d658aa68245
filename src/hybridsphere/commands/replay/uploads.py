"""Replay uploads: look whether each object is still there, send its event, and note that."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridsphere.aws.one_shot import REFUSAL, client, concerning, status_of
from hybridsphere.commands.replay.choice import Choice
from hybridsphere.commands.replay.sender import CALLS, Sender, connected_sender, send_all
from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.ledger.replays import Replays
from hybridsphere.messages import S3Record, utc_text
from hybridsphere.settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_AT_ONCE = 100
"""Uploads whose events are sent before the ledger notes them."""

MOST_EXAMPLES = 1000
"""Uploads that are named among those which were not sent."""

GONE = "gone"
REPLACED = "replaced by a newer upload"
ON_THE_WAY = "replayed before, and its result is still to come"


@dataclass(slots=True)
class Outcome:
    """The outcome of a replay.

    `left` counts the uploads that were not sent by the reason, `failed` those of which the call
    was refused; `examples` names some of them. `hidden` counts the dead letters that another run
    holds, `hidden_until` is when SQS shows them again at the latest.
    """

    sent: int = 0
    left: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    hidden: int = 0
    hidden_until: str = ""

    def hide(self, letters: int, until: str) -> None:
        self.hidden, self.hidden_until = letters, until if letters else ""

    def leave(self, key: str, why: str) -> None:
        self.left[why] += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append({"key": key, "why": why})

    def fail(self, key: str, why: str) -> None:
        self.failed += 1
        self.leave(key, why)


@dataclass(frozen=True, slots=True)
class Count:
    """The size of a replay: uploads, an invocation each, and the price if all run in Lambda.

    `usd` is None where no result of the last month has figures.
    """

    uploads: int
    by_status: dict[str, int]
    usd: float | None = None


def count_uploads(results_dir: Path, choice: Choice) -> Count:
    """Count the chosen uploads. Raises LedgerError."""
    with Ledger.read(results_dir) as ledger:
        found = Counter(upload.status or "" for upload in choice.of(ledger))
        usd = _usual_usd(ledger)
    price = None if usd is None else usd * found.total()
    return Count(found.total(), dict(sorted(found.items())), price)


def _usual_usd(ledger: Ledger) -> float | None:
    """Return what a video of the last month cost in Lambda, or would have; None if unknown."""
    since = datetime.now(UTC) - timedelta(days=30)
    places = ledger.by_place(utc_text(since))
    priced = sum(place.priced for place in places)
    return sum(place.in_lambda_usd for place in places) / priced if priced else None


async def replay_uploads(settings: Settings, choice: Choice, outcome: Outcome) -> None:
    """Replay the chosen uploads; `outcome` says what was done, also after an interruption.

    Raises CannotRun where nothing can be sent at all.
    """
    async with connected_sender(settings) as sender, client("s3", connections=CALLS) as s3:
        with Ledger.open(settings.results_dir) as ledger:
            batch = _Batch(ledger, Replays(ledger), sender, s3, outcome)
            uploads = choice.of(ledger)
            while some := list(islice(uploads, _AT_ONCE)):
                await batch.send(some)


@dataclass(frozen=True, slots=True)
class _Batch:
    """The sending of some uploads, and the note of it in one transaction."""

    ledger: Ledger
    replays: Replays
    sender: Sender
    s3: "S3Client"
    outcome: Outcome

    async def send(self, uploads: Sequence[Upload]) -> None:
        """Send the events of some uploads; an interruption leaves the sent ones noted."""
        ready = await self._ready(uploads)
        sent: list[S3Record] = []
        try:
            refusals = await send_all(self.sender, [record for _, record in ready], sent.extend)
        finally:
            self._note(ready, sent)
        for upload, record in ready:
            if record in refusals:
                self.outcome.fail(upload.key, refusals[record])

    async def _ready(self, uploads: Sequence[Upload]) -> list[tuple[Upload, S3Record]]:
        """Choose the uploads whose object is there, with the record of their next attempt."""
        waiting = []
        for upload in uploads:
            if record := self.replays.next(upload):
                waiting.append((upload, record))
            else:
                self.outcome.leave(upload.key, ON_THE_WAY)
        faults = await asyncio.gather(*(self._fault(record) for _, record in waiting))
        for (upload, _), fault in zip(waiting, faults, strict=True):
            if fault:
                self.outcome.leave(upload.key, fault)
        return [pair for pair, fault in zip(waiting, faults, strict=True) if not fault]

    async def _fault(self, record: S3Record) -> str | None:
        """Say why an object cannot be processed again; None if it is there, or cannot be seen."""
        with concerning(f"s3://{record.bucket}/{record.key}"):
            try:
                etag = await self._etag(record)
            except REFUSAL as error:
                if status_of(error) != HTTPStatus.FORBIDDEN:
                    raise
                # These keys may not look. The function may, and says what it finds.
                return None
        if etag is None:
            return GONE
        return None if etag.strip('"') == record.etag else REPLACED

    async def _etag(self, record: S3Record) -> str | None:
        """Find the ETag of an object, None for a missing one; a listing where reading is denied."""
        try:
            answer = await self.s3.head_object(Bucket=record.bucket, Key=record.key)
        except REFUSAL as error:
            if status_of(error) == HTTPStatus.NOT_FOUND:
                return None
            if status_of(error) != HTTPStatus.FORBIDDEN:
                raise
        else:
            return answer["ETag"]
        # Operators may list the videos, and not read them.
        page = await self.s3.list_objects_v2(Bucket=record.bucket, Prefix=record.key, MaxKeys=1)
        found = {item["Key"]: item["ETag"] for item in page.get("Contents", [])}
        return found.get(record.key)

    def _note(self, ready: Sequence[tuple[Upload, S3Record]], sent: Sequence[S3Record]) -> None:
        done = set(sent)
        now = utc_text()
        if done:
            with self.ledger.transaction():
                for upload, record in ready:
                    if record in done:
                        self.replays.note(upload, record)
                        if self.sender.invokes:
                            self.ledger.note_invoked(record, now, now)
        self.outcome.sent += len(done)
