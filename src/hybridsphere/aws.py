"""AWS as the bridge sees it: queues and a function. The one room that knows botocore.

Every failure of a call is one of three: Throttled and Unavailable pass by themselves, Refused needs
somebody to mend something. Retrying is the caller's business, so botocore's own is switched off.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from hybridsphere.errors import CannotRun
from hybridsphere.messages import utc_text
from hybridsphere.settings import ConfigurationError

BATCH = 10
"""Messages a call of SQS takes at most."""

LONG_POLL_S = 20
"""How long SQS holds a receive open for a message to come, at most."""

READS = 16
"""Objects that are read at once."""

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = LONG_POLL_S + 10
LONGEST_INVOCATION_S = 900
"""Lambda's limit on one invocation; a synchronous call must wait that long, and no retry before."""

_THROTTLED = {
    "OverLimit",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


class AwsError(CannotRun):
    """A call that failed; the text names the call and what AWS said."""


class Throttled(AwsError):
    """Too much at once: pass it again later, and less of it."""


class Unavailable(AwsError):
    """No answer, or one that says that the service is in trouble: pass it again later."""


class Refused(AwsError):
    """An answer that will be the same next time; `code` is the service's own word for it."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Message:
    """A message as received; `receipt_handle` stands for this one receipt of it."""

    id: str
    receipt_handle: str
    body: str
    receive_count: int


@dataclass(frozen=True, slots=True)
class FunctionError:
    """What a synchronous invocation ended in when the function itself failed."""

    type: str
    message: str

    def __str__(self) -> str:
        return f"{self.type}: {self.message}"


class Queue:
    """One SQS queue."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self.url = url

    async def receive(
        self, most: int, *, visibility_timeout_s: int, wait_s: int = LONG_POLL_S
    ) -> list[Message]:
        """Long-poll for up to `most` (1 to 10) messages; none if none came within `wait_s`."""
        with _failures("ReceiveMessage"):
            answer = await self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=visibility_timeout_s,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(
                id=message["MessageId"],
                receipt_handle=message["ReceiptHandle"],
                body=message["Body"],
                receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
            )
            for message in answer.get("Messages", [])
        ]

    async def delete(self, receipt_handles: Sequence[str]) -> list[AwsError | None]:
        """Delete up to ten messages; what became of each, None being well."""
        entries = [
            {"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(receipt_handles)
        ]
        with _failures("DeleteMessageBatch"):
            answer = await self._client.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return _outcomes("DeleteMessageBatch", answer, len(entries))

    async def change_visibility(
        self, receipt_handles: Sequence[str], timeout_s: int
    ) -> list[AwsError | None]:
        """Hide up to ten messages for so many seconds from now; 0 makes them visible at once."""
        entries = [
            {"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": timeout_s}
            for i, handle in enumerate(receipt_handles)
        ]
        with _failures("ChangeMessageVisibilityBatch"):
            answer = await self._client.change_message_visibility_batch(
                QueueUrl=self.url, Entries=entries
            )
        return _outcomes("ChangeMessageVisibilityBatch", answer, len(entries))

    async def send(self, body: str, attributes: Mapping[str, str]) -> None:
        """Put a message on the queue, with text attributes."""
        with _failures("SendMessage"):
            await self._client.send_message(
                QueueUrl=self.url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            )

    async def attributes(self) -> dict[str, str]:
        """The queue's attributes, by SQS's names; fails if it is not there or may not be used."""
        with _failures("GetQueueAttributes"):
            answer = await self._client.get_queue_attributes(
                QueueUrl=self.url, AttributeNames=["All"]
            )
        return dict(answer["Attributes"])


class Function:
    """One Lambda function."""

    def __init__(self, client: Any, name: str, invocation_type: str) -> None:
        self._client = client
        self._invocation_type = invocation_type
        self.name = name

    async def invoke(self, event: Mapping[str, Any]) -> FunctionError | None:
        """Hand an event to the function.

        Returns as soon as Lambda has accepted it (`Event`), or when the function is done
        (`RequestResponse`), then with the function's own error if it failed.
        """
        with _failures("Invoke"):
            answer = await self._client.invoke(
                FunctionName=self.name,
                InvocationType=self._invocation_type,
                Payload=json.dumps(event).encode(),
            )
            payload = await answer["Payload"].read()
        return _function_error(payload) if answer.get("FunctionError") else None

    async def probe(self) -> None:
        """Fail as an invocation would if the function is not there or may not be invoked."""
        with _failures("Invoke (DryRun)"):
            await self._client.invoke(FunctionName=self.name, InvocationType="DryRun")


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a bucket's listing shows it; the ETag unquoted, the time as `utc_text`."""

    key: str
    etag: str
    last_modified: str


class Bucket:
    """One S3 bucket."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    async def pages(self) -> AsyncIterator[list[Listed]]:
        """All objects in the order of their keys, up to 1,000 a page."""
        more: dict[str, str] = {}
        while True:
            with _failures("ListObjectsV2"):
                answer = await self._client.list_objects_v2(Bucket=self.name, **more)
            yield [
                Listed(item["Key"], item["ETag"].strip('"'), utc_text(item["LastModified"]))
                for item in answer.get("Contents", [])
            ]
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    async def get(self, listed: Listed) -> tuple[dict[str, str], bytes]:
        """The metadata and the content of a listed object; Refused if it has been replaced."""
        with _failures("GetObject"):
            answer = await self._client.get_object(
                Bucket=self.name, Key=listed.key, IfMatch=f'"{listed.etag}"'
            )
            return dict(answer["Metadata"]), await answer["Body"].read()

    async def probe(self) -> None:
        """Fail as any listing would if the bucket is not there or may not be listed."""
        with _failures("ListObjectsV2"):
            await self._client.list_objects_v2(Bucket=self.name, MaxKeys=1)


class Aws:
    """The clients of one process; made by `connect`."""

    def __init__(self, sqs: Any, function: Any, s3: Any) -> None:
        self._sqs = sqs
        self._lambda = function
        self._s3 = s3

    def bucket(self, name: str) -> Bucket:
        return Bucket(self._s3, name)

    def queue(self, url: str) -> Queue:
        return Queue(self._sqs, url)

    def function(self, name: str, invocation_type: str) -> Function:
        return Function(self._lambda, name, invocation_type)


def session() -> AioSession:
    """A session of the standard chain; honours `AWS_REGION`, which botocore itself does not."""
    made = get_session()
    if region := os.environ.get("AWS_REGION"):
        made.set_config_variable("region", region)
    return made


def client_config(connections: int, read_timeout_s: float = READ_TIMEOUT_S) -> AioConfig:
    """Connections and time-outs set where botocore's defaults would surprise; no retries."""
    return AioConfig(
        max_pool_connections=connections,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
    )


@asynccontextmanager
async def connect(*, polls: int, invocations: int, invocation_type: str) -> AsyncIterator[Aws]:
    """The clients for so many concurrent polls and invocations.

    Raises ConfigurationError where the standard chain has no region or no credentials, or makes
    no sense.
    """
    wait_s = READ_TIMEOUT_S if invocation_type == "Event" else LONGEST_INVOCATION_S + 10
    async with AsyncExitStack() as stack:
        with _misconfigurations():
            made = session()
            if await made.get_credentials() is None:
                raise ConfigurationError(
                    "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY"
                )
            # Beside the polls: deletes, heartbeats and dead letters.
            sqs = await stack.enter_async_context(
                made.create_client("sqs", config=client_config(polls + 16))
            )
            function = await stack.enter_async_context(
                made.create_client("lambda", config=client_config(invocations, wait_s))
            )
            s3 = await stack.enter_async_context(
                made.create_client("s3", config=client_config(READS))
            )
        yield Aws(sqs, function, s3)


@contextmanager
def _misconfigurations() -> Iterator[None]:
    """Turn what botocore raises while it is set up into ConfigurationError."""
    try:
        yield
    except NoRegionError:
        raise ConfigurationError("AWS_REGION is not set: name the region of the queues") from None
    except (PartialCredentialsError, ProfileNotFound) as error:
        raise ConfigurationError(f"the AWS credentials cannot be used: {error}") from None
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            "the AWS configuration cannot be used, see AWS_REGION, AWS_ENDPOINT_URL and the file "
            f"that AWS_CONFIG_FILE names: {error}"
        ) from None


@contextmanager
def _failures(call: str) -> Iterator[None]:
    """Turn what aiobotocore raises into the three failures of this module."""
    try:
        yield
    except ClientError as error:
        raise _client_failure(call, error) from error
    except (
        NoCredentialsError,
        PartialCredentialsError,
        ParamValidationError,
        ValueError,  # aiohttp's, for an endpoint that makes no sense
    ) as error:
        raise Refused(f"{call}: {error}", type(error).__name__) from error
    except (BotoCoreError, ResponseParserError, aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"{call}: {error or type(error).__name__}") from error


def _client_failure(call: str, error: ClientError) -> AwsError:
    code = str(error.response["Error"].get("Code", ""))
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
    text = f"{call}: {code}: {error.response['Error'].get('Message', '')}"
    if status == 429 or code.removeprefix("AWS.SimpleQueueService.") in _THROTTLED:
        return Throttled(text)
    return Unavailable(text) if status >= 500 else Refused(text, code)


def _outcomes(call: str, answer: Mapping[str, Any], count: int) -> list[AwsError | None]:
    """What a batch call did to each of its entries, in their order."""
    outcomes: list[AwsError | None] = [None] * count
    for failure in answer.get("Failed", []):
        text = f"{call}: {failure['Code']}: {failure.get('Message', '')}"
        outcomes[int(failure["Id"])] = (
            Refused(text, failure["Code"]) if failure.get("SenderFault") else Unavailable(text)
        )
    return outcomes


def _function_error(payload: bytes) -> FunctionError:
    try:
        error = json.loads(payload)
        return FunctionError(str(error["errorType"]), str(error["errorMessage"]))
    except (ValueError, KeyError, TypeError):
        return FunctionError("Unhandled", payload[:500].decode(errors="replace"))
