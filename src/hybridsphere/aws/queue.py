"""One SQS queue."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from hybridsphere.aws.direct import Call
from hybridsphere.aws.errors import AwsError, ReceiptGone, Refused, Unavailable, failures, readable
from hybridsphere.messages import first_line

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient
    from types_aiobotocore_sqs.type_defs import MessageAttributeValueTypeDef

BATCH = 10
"""Messages a call of SQS takes at most."""

LONG_POLL_S = 20
"""How long SQS holds a receive open for a message to come, at most."""

ANSWER_S = 5.0
"""How long an answer may take that SQS gives at once: messages wait for it, and have deadlines."""

VISIBILITY_TIMEOUT_S = 30
"""How long a message stays with whoever received it, unless that is extended."""


_GONE = {"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"}
"""What SQS says of a receipt handle that was good once; the last when it expired."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as received; `receipt_handle` stands for this one receipt of it."""

    id: str
    receipt_handle: str
    body: str


class Queue:
    """One SQS queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._receive = Call(client, "ReceiveMessage", QueueUrl=url)
        self._delete = Call(client, "DeleteMessageBatch", QueueUrl=url, Entries=[])
        self._change = Call(client, "ChangeMessageVisibilityBatch", QueueUrl=url, Entries=[])
        self.url = url

    async def receive(
        self,
        most: int,
        *,
        visibility_timeout_s: int,
        wait_s: int = LONG_POLL_S,
        within_s: float | None = None,
    ) -> list[Message]:
        """Long-poll for up to `most` (1 to 10) messages; none if none came within `wait_s`.

        Unavailable if no answer came at all, within `within_s` or else the client's own time.
        """
        call = {
            "QueueUrl": self.url,
            "MaxNumberOfMessages": most,
            "VisibilityTimeout": visibility_timeout_s,
            "WaitTimeSeconds": wait_s,
        }
        with failures("ReceiveMessage"):
            answer = await _ask(self._receive, call, within_s)
            with readable():
                return [
                    Message(message["MessageId"], message["ReceiptHandle"], message["Body"])
                    for message in answer.get("Messages") or []
                ]

    async def delete(self, receipt_handles: Sequence[str]) -> list[AwsError | None]:
        """Delete up to ten messages; what became of each, None being well."""
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
        """Hide up to ten messages for so many seconds from now; 0 makes them visible at once."""
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
        """Put a message on the queue, with text attributes."""
        await self._send(
            body,
            {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )

    async def probe_sending(self) -> None:
        """Send what is no message: Refused, for that or because nothing may be sent."""
        # All that speak SQS look at the type of an attribute, not all at an empty body.
        await self._send("", {"none": {"DataType": "none", "StringValue": "none"}})

    async def attributes(self) -> dict[str, str]:
        """The queue's attributes, by SQS's names; fails if it is not there or may not be used."""
        with failures("GetQueueAttributes"), readable():
            answer = await self._client.get_queue_attributes(
                QueueUrl=self.url, AttributeNames=["All"]
            )
            return {str(name): value for name, value in answer["Attributes"].items()}

    async def _send(
        self, body: str, attributes: Mapping[str, "MessageAttributeValueTypeDef"]
    ) -> None:
        with failures("SendMessage"), readable():
            answer = await self._client.send_message(
                QueueUrl=self.url, MessageBody=body, MessageAttributes=attributes
            )
            # Whoever sends gives up what he holds: a page of a proxy's has stored nothing.
            if not answer["MessageId"]:
                raise ValueError("no MessageId")


async def _ask(call: Call, content: Mapping[str, Any], within_s: float | None) -> Any:
    _, _, answer = await call(json.dumps(content).encode(), within_s=within_s)
    with readable():
        return orjson.loads(answer)


def _outcomes(call: str, answer: Mapping[str, Any], count: int) -> list[AwsError | None]:
    """What a batch call did to each of its entries, in their order."""
    outcomes: list[AwsError | None] = [Unavailable(f"{call}: nothing was answered")] * count
    for success in answer.get("Successful") or []:
        outcomes[int(success["Id"])] = None
    for failure in answer.get("Failed") or []:
        outcomes[int(failure["Id"])] = _entry_failure(call, failure)
    return outcomes


def _entry_failure(call: str, failure: Mapping[str, Any]) -> AwsError:
    code = str(failure["Code"])
    text = f"{call}: {code}: {first_line(failure.get('Message', ''))}"
    if code.removeprefix("AWS.SimpleQueueService.") in _GONE:
        return ReceiptGone(text, code)
    return Refused(text, code) if failure.get("SenderFault") else Unavailable(text)
