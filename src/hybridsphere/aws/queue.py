"""One SQS queue."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from hybridsphere.aws.direct import Call
from hybridsphere.aws.errors import (
    AwsError,
    ReceiptGone,
    Refused,
    Unavailable,
    bare_code,
    failures,
    is_query_answer,
    query_only,
    readable,
)
from hybridsphere.messages import reason_of

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient
    from types_aiobotocore_sqs.type_defs import MessageAttributeValueTypeDef

SQS_BATCH = 10
"""Messages that one call of SQS takes at most."""

LONG_POLL_S = 20
"""Seconds that SQS holds a receive open for a message, at most."""

ANSWER_S = 5.0
"""Limit on an answer that SQS gives at once: messages with deadlines wait for it."""

SENDS = 8
"""Messages that are sent to a queue at once. Every message held may become a dead letter, and the
heartbeat shares the connections.
"""

VISIBILITY_TIMEOUT_S = 30
"""Seconds that a message stays with its receiver, unless extended."""

_GONE = {"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"}
"""SQS's codes for a receipt handle that was valid once; the last means that it expired."""


class Message(NamedTuple):
    """A message as received; `receipt_handle` identifies this one receipt."""

    id: str
    receipt_handle: str
    body: str


class Queue:
    """One SQS queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._receive = Call(client, "ReceiveMessage", QueueUrl=url)
        self._delete = Call(client, "DeleteMessageBatch", QueueUrl=url, Entries=[])
        self._attributes = Call(client, "GetQueueAttributes", QueueUrl=url)
        self._change = Call(client, "ChangeMessageVisibilityBatch", QueueUrl=url, Entries=[])
        self._sends = asyncio.Semaphore(SENDS)
        self.url = url

    async def receive(
        self,
        most: int,
        *,
        visibility_timeout_s: int,
        wait_s: int = LONG_POLL_S,
        within_s: float | None = None,
    ) -> list[Message]:
        """Long-poll for up to `most` (1 to 10) messages; an empty list after `wait_s` without any.

        Raises Unavailable if no answer came within `within_s`, by default the client's total.
        """
        call = {
            "QueueUrl": self.url,
            "MaxNumberOfMessages": most,
            "VisibilityTimeout": visibility_timeout_s,
            "WaitTimeSeconds": wait_s,
        }
        with failures("ReceiveMessage"):
            # Some servers answer a poll without messages so.
            answer = await _ask(self._receive, call, within_s, may_be_empty=True)
            with readable():
                return [
                    Message(message["MessageId"], message["ReceiptHandle"], message["Body"])
                    for message in answer.get("Messages") or []
                ]

    async def delete(self, receipt_handles: Sequence[str]) -> list[AwsError | None]:
        """Delete up to ten messages; returns the error of each, None for success."""
        entries = [
            {"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(receipt_handles)
        ]
        with failures("DeleteMessageBatch"):
            call = {"QueueUrl": self.url, "Entries": entries}
            answer = await _ask(self._delete, call, ANSWER_S)
            with readable():
                return _outcomes("DeleteMessageBatch", answer, len(entries))

    async def change_visibility(
        self, receipt_handles: Sequence[str], timeout_s: int
    ) -> list[AwsError | None]:
        """Hide up to ten messages for `timeout_s` seconds from now; 0 makes them visible."""
        entries = [
            {"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": timeout_s}
            for i, handle in enumerate(receipt_handles)
        ]
        with failures("ChangeMessageVisibilityBatch"):
            call = {"QueueUrl": self.url, "Entries": entries}
            answer = await _ask(self._change, call, ANSWER_S)
            with readable():
                return _outcomes("ChangeMessageVisibilityBatch", answer, len(entries))

    async def send(self, body: str, attributes: Mapping[str, str]) -> None:
        """Put a message on the queue, with text attributes, after those that wait already."""
        typed: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        }
        async with self._sends:
            await self._send(body, typed)

    async def probe_sending(self) -> None:
        """Send an invalid message; raises Refused for that, or for a missing permission."""
        # Every SQS server checks the type of an attribute; not every one refuses an empty body.
        await self._send("", {"none": {"DataType": "none", "StringValue": "none"}})

    async def attributes(self) -> dict[str, str]:
        """Return the queue's attributes, by SQS's names."""
        call = {"QueueUrl": self.url, "AttributeNames": ["All"]}
        with failures("GetQueueAttributes"):
            answer = await _ask(self._attributes, call, None)
            with readable():
                return dict(answer["Attributes"])

    async def backlog(self) -> int:
        """Return about how many messages can be received. Raises AwsError."""
        found = await self.attributes()
        with failures("GetQueueAttributes"), readable():
            return int(found["ApproximateNumberOfMessages"])

    async def _send(
        self, body: str, attributes: Mapping[str, "MessageAttributeValueTypeDef"]
    ) -> None:
        with failures("SendMessage"), readable():
            answer = await self._client.send_message(
                QueueUrl=self.url, MessageBody=body, MessageAttributes=attributes
            )
            # The sender then deletes its own message, and a proxy's page has stored nothing.
            if not answer["MessageId"]:
                raise ValueError("no MessageId")


async def _ask(
    call: Call,
    content: Mapping[str, Any],
    within_s: float | None,
    *,
    may_be_empty: bool = False,
) -> Any:
    status, _, answer = await call(json.dumps(content).encode(), within_s=within_s)
    if is_query_answer(answer):
        raise query_only()
    with readable():
        # A proxy may answer 204, which must not pass for a poll without messages.
        if status != HTTPStatus.OK:
            raise ValueError(f"HTTP {status}")
        return orjson.loads(answer or b"{}" if may_be_empty else answer)


def _outcomes(call: str, answer: Mapping[str, Any], count: int) -> list[AwsError | None]:
    """Return the outcome of a batch call for each of its entries, in their order."""
    outcomes: list[AwsError | None] = [Unavailable(f"{call}: nothing was answered")] * count
    for success in answer.get("Successful") or []:
        outcomes[int(success["Id"])] = None
    for failure in answer.get("Failed") or []:
        outcomes[int(failure["Id"])] = _entry_failure(call, failure)
    return outcomes


def _entry_failure(call: str, failure: Mapping[str, Any]) -> AwsError:
    code = str(failure["Code"])
    text = f"{call}: {code}: {reason_of(failure.get('Message', ''))}"
    if bare_code(code) in _GONE:
        return ReceiptGone(text, code)
    return Refused(text, code) if failure.get("SenderFault") else Unavailable(text)
