"""The ways of replayed events: to the input queue, or to the function itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from hybridsphere.aws import SQS_BATCH, AwsError
from hybridsphere.aws.clients import LONGEST_INVOCATION_S, READ_TIMEOUT_S
from hybridsphere.aws.one_shot import client, concerning
from hybridsphere.messages import S3Record, reason_of
from hybridsphere.settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_lambda import LambdaClient
    from types_aiobotocore_sqs import SQSClient

CALLS = 16
"""Calls at once."""


class Sender(Protocol):
    """A way to the function; `invokes` if the bridge does not see the event."""

    invokes: bool

    async def send(self, records: Sequence[S3Record]) -> list[str | None]:
        """Send records; returns why each was refused, None for success. Raises AwsError."""


class QueueSender:
    """The input queue, from which the bridge invokes the function."""

    invokes = False

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url

    async def send(self, records: Sequence[S3Record]) -> list[str | None]:
        """Send up to ten records as a message each."""
        bodies = [json.dumps(record.to_event()) for record in records]
        return await send_bodies(self._sqs, self._url, bodies)


class FunctionSender:
    """The function, for bridges without an input queue."""

    invokes = True

    def __init__(self, function: "LambdaClient", name: str, *, synchronous: bool) -> None:
        self._function = function
        self._name = name
        self._synchronous = synchronous

    async def send(self, records: Sequence[S3Record]) -> list[str | None]:
        """Invoke the function for each record."""
        return list(await asyncio.gather(*map(self._invoke, records)))

    async def _invoke(self, record: S3Record) -> str | None:
        with concerning(f"function {self._name}"):
            answer = await self._function.invoke(
                FunctionName=self._name,
                InvocationType="RequestResponse" if self._synchronous else "Event",
                Payload=json.dumps(record.to_event()).encode(),
            )
            content = await answer["Payload"].read()
        if not answer.get("FunctionError"):
            return None
        return f"the function failed: {reason_of(content.decode(errors='replace'))}"


async def send_bodies(sqs: "SQSClient", url: str, bodies: Sequence[str]) -> list[str | None]:
    """Put up to ten messages on a queue; returns why each was refused. Raises AwsError."""
    entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
    with concerning(f"queue {url}"):
        answer = await sqs.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]
    outcomes: list[str | None] = ["SQS did not answer for it"] * len(bodies)
    for sent in answer.get("Successful", []):
        outcomes[int(sent["Id"])] = None
    for failed in answer.get("Failed", []):
        outcomes[int(failed["Id"])] = reason_of(f"{failed['Code']}: {failed.get('Message', '')}")
    return outcomes


@asynccontextmanager
async def connected_sender(settings: Settings) -> AsyncIterator[Sender]:
    """Yield the sender of the source. Raises ConfigurationError and AwsError."""
    if settings.source == "queue":
        url = settings.need("input_queue_url")
        async with client("sqs", connections=CALLS) as sqs:
            yield QueueSender(sqs, url)
        return
    name = settings.need("function_name")
    synchronous = settings.invocation_type == "RequestResponse"
    wait_s = LONGEST_INVOCATION_S + 10 if synchronous else READ_TIMEOUT_S
    async with client("lambda", connections=CALLS, read_timeout_s=wait_s) as function:
        yield FunctionSender(function, name, synchronous=synchronous)


async def send_all(
    sender: Sender,
    records: Sequence[S3Record],
    on_sent: Callable[[Sequence[S3Record]], object],
) -> dict[S3Record, str]:
    """Send any number of records, in batches of ten; returns why some were refused.

    `on_sent` hears at once of records that were sent. A call that fails is the reason of its batch.
    """
    refused: dict[S3Record, str] = {}

    async def send(batch: Sequence[S3Record]) -> None:
        try:
            outcomes = await sender.send(batch)
        except AwsError as error:
            outcomes = [str(error)] * len(batch)
        pairs = list(zip(batch, outcomes, strict=True))
        on_sent([record for record, why in pairs if why is None])
        refused.update((record, why) for record, why in pairs if why is not None)

    batches = [records[at : at + SQS_BATCH] for at in range(0, len(records), SQS_BATCH)]
    await asyncio.gather(*map(send, batches))
    return refused
