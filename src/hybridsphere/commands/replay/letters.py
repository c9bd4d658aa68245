"""Replay dead letters: what can be read goes back to its queue, and then leaves this one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from hybridsphere.aws.one_shot import CALL_FAILURES, client, concerning
from hybridsphere.commands.replay.sender import (
    CALLS,
    Sender,
    connected_sender,
    send_all,
    send_bodies,
)
from hybridsphere.commands.replay.uploads import Outcome
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.messages import (
    BadMessage,
    S3Event,
    S3Record,
    parse_output,
    read_s3_event,
    reason_of,
    utc_text,
)
from hybridsphere.settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

_HELD_S = 600
"""Seconds for which a letter stays with the command; the rest comes back at the end."""

_WAIT_S = 2
"""Seconds that a receive waits for a letter; short polls may miss some."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `reason` is what the bridge wrote on it, if it did."""

    id: str
    receipt_handle: str
    body: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The destination of a letter: records to the function, or results to their queue.

    Without either, `why` is the reason for which the letter stays.
    """

    records: tuple[S3Record, ...] = ()
    result: bool = False
    why: str = ""


class LetterCount(NamedTuple):
    """About how many dead letters a run can receive, and how many another run holds."""

    visible: int
    hidden: int

    def hidden_now(self) -> tuple[int, str]:
        """Return the number of hidden letters, and when SQS shows them again at the latest."""
        return self.hidden, utc_text(datetime.now(UTC) + timedelta(seconds=_HELD_S))


async def count_letters(settings: Settings) -> LetterCount:
    """Count the dead letters. Raises CannotRun."""
    async with client("sqs") as sqs:
        return await _count(sqs, settings.need("dead_letter_queue_url"))


async def _count(sqs: "SQSClient", url: str) -> LetterCount:
    with concerning(f"queue {url}"):
        answer = await sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )
    found = answer["Attributes"]
    return LetterCount(
        int(found["ApproximateNumberOfMessages"]),
        int(found["ApproximateNumberOfMessagesNotVisible"]),
    )


def plan_of(letter: Letter, bucket: str, ledger: Ledger | None) -> Plan:
    """Decide what becomes of a letter; the bridge serves `bucket`."""
    try:
        event = read_s3_event(letter.body)
    except BadMessage as error:
        return _plan_of_result(letter, bucket, str(error))
    if why := _fault(event, bucket):
        return Plan(why=why)
    ended = [record for record in event.created if _has_result(record, ledger)]
    if len(ended) == len(event.created):
        return Plan(why="each upload in it has its result")
    return Plan(
        records=tuple(_retried(record, ledger) for record in event.created if record not in ended)
    )


def _plan_of_result(letter: Letter, bucket: str, no_event: str) -> Plan:
    try:
        results = parse_output(letter.body)
    except BadMessage as error:
        why = str(error) if '"schema"' in letter.body else no_event
        return Plan(why=letter.reason or why)
    foreign = [result for result in results if result.bucket != bucket]
    if foreign:
        return Plan(why=f"bucket is {foreign[0].bucket}, not {bucket}")
    return Plan(result=True)


def _fault(event: S3Event, bucket: str) -> str:
    """Say why an event would be rejected again; empty if it would not."""
    if event.bad:
        return event.bad[0].reason
    if not event.created:
        return "no upload is in it"
    foreign = [record for record in event.created if record.bucket != bucket]
    return f"bucket is {foreign[0].bucket}, not {bucket}" if foreign else ""


def _has_result(record: S3Record, ledger: Ledger | None) -> bool:
    found = ledger and ledger.upload(record.bucket, record.key, record.version.id)
    return bool(found and found.status not in {None, "failed"} and found.attempt >= record.attempt)


def _retried(record: S3Record, ledger: Ledger | None) -> S3Record:
    """Give a record whose upload is `failed` a higher attempt."""
    found = ledger and ledger.upload(record.bucket, record.key, record.version.id)
    if found and found.status == "failed":
        return replace(record, attempt=max(found.attempt, record.attempt) + 1)
    return record


async def replay_letters(
    settings: Settings, outcome: Outcome, ledger: Ledger | None = None
) -> None:
    """Replay every dead letter that can be; the others become visible again.

    A letter is deleted only once its content was sent, so that an interruption loses none. Raises
    CannotRun.
    """
    bucket = settings.need("input_bucket")
    url = settings.need("dead_letter_queue_url")
    async with client("sqs", connections=CALLS) as sqs, connected_sender(settings) as sender:
        # Later this run holds letters of its own.
        before = await _count(sqs, url)
        outcome.hide(*before.hidden_now())
        letters = _Letters(sqs, url, sender, settings.output_queue_url)
        seen: set[str] = set()
        try:
            while received := await letters.receive():
                new = [letter for letter in received if letter.id not in seen]
                seen.update(letter.id for letter in new)
                plans = [(letter, plan_of(letter, bucket, ledger)) for letter in new]
                await letters.settle(plans, outcome)
                if not new:
                    # Every letter has been looked at; these have come a second time.
                    break
        finally:
            await letters.put_back()
        if before.hidden:
            # Some may have come back meanwhile. SQS may still count those that this run put back.
            still = min(before.hidden, (await _count(sqs, url)).hidden)
            outcome.hide(*before._replace(hidden=still).hidden_now())


class _Letters:
    """The dead-letter queue, with the letters that stay on it."""

    def __init__(self, sqs: "SQSClient", url: str, sender: Sender, results: str | None) -> None:
        self._sqs = sqs
        self._url = url
        self._sender = sender
        self._results = results
        self._held: list[str] = []

    async def receive(self) -> list[Letter]:
        with concerning(f"queue {self._url}"):
            answer = await self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=_WAIT_S,
                VisibilityTimeout=_HELD_S,
                MessageAttributeNames=["All"],
            )
        letters = [
            Letter(
                message["MessageId"],
                message["ReceiptHandle"],
                message["Body"],
                _attribute(message, "reason"),
            )
            for message in answer.get("Messages", [])
        ]
        self._held += [letter.receipt_handle for letter in letters]
        return letters

    async def settle(self, plans: Sequence[tuple[Letter, Plan]], outcome: Outcome) -> None:
        """Send what can be sent, delete those letters, and say what became of each."""
        refused = await self._send(plans)
        for letter, plan in plans:
            name = _named(letter)
            why = plan.why or refused.get(letter.id, "")
            if plan.why:
                outcome.leave(name, plan.why)
            elif why:
                outcome.fail(name, why)
            elif why := await self._delete(letter):
                outcome.fail(name, f"replayed, but not deleted: {why}")
            else:
                outcome.sent += 1

    async def put_back(self) -> None:
        """Make the letters that stay visible at once; otherwise SQS does so later."""
        for at in range(0, len(self._held), 10):
            entries: Any = [
                {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for place, handle in enumerate(self._held[at : at + 10])
            ]
            try:
                await self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except CALL_FAILURES:
                return

    async def _send(self, plans: Sequence[tuple[Letter, Plan]]) -> dict[str, str]:
        """Send the content of letters; returns why some were refused, by the letter's id."""
        # Two letters may have the same upload, which is sent once.
        records = dict.fromkeys(record for _, plan in plans for record in plan.records)
        refused = await send_all(self._sender, list(records), lambda _: None)
        faults = {
            letter.id: refused[record]
            for letter, plan in plans
            for record in plan.records
            if record in refused
        }
        results = [letter for letter, plan in plans if plan.result]
        if results and self._results is None:
            return faults | {one.id: "HYBRIDSPHERE_OUTPUT_QUEUE_URL is not set" for one in results}
        if results:
            bodies = [letter.body for letter in results]
            outcomes = await send_bodies(self._sqs, str(self._results), bodies)
            faults |= {
                letter.id: why
                for letter, why in zip(results, outcomes, strict=True)
                if why is not None
            }
        return faults

    async def _delete(self, letter: Letter) -> str:
        try:
            await self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt_handle)
        except CALL_FAILURES as error:
            return reason_of(error)
        self._held.remove(letter.receipt_handle)
        return ""


def _attribute(message: Any, name: str) -> str:
    return str(message.get("MessageAttributes", {}).get(name, {}).get("StringValue", ""))


def _named(letter: Letter) -> str:
    """Name a letter by the uploads in it, or by its id."""
    try:
        keys = [record.key for record in read_s3_event(letter.body).created]
    except BadMessage:
        keys = [str(_key_in(letter.body) or "")]
    return ", ".join(filter(None, keys[:3])) or f"message {letter.id}"


def _key_in(body: str) -> Any:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found.get("key") if isinstance(found, dict) else None
