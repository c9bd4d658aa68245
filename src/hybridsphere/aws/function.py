"""One Lambda function."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from hybridsphere.aws.direct import Call
from hybridsphere.aws.errors import failures, readable
from hybridsphere.messages import S3Record, Version, reason_of

if TYPE_CHECKING:
    from types_aiobotocore_lambda import LambdaClient

ACCEPTED_S = 10.0
"""Limit on accepting an event. A repeated event is harmless, a lost answer must be noticed soon."""

PROBED_S = 5.0
"""Limit on a call that runs nothing."""


@dataclass(frozen=True, slots=True)
class FunctionError:
    """The function's own error, which ended a synchronous invocation, in one line."""

    type: str
    message: str

    def __str__(self) -> str:
        return f"{self.type}: {self.message}"


class Function:
    """One Lambda function."""

    def __init__(self, client: "LambdaClient", name: str, invocation_type: str) -> None:
        self._invoke = Call(client, "Invoke", FunctionName=name, InvocationType=invocation_type)
        self._try = Call(client, "Invoke", FunctionName=name, InvocationType="DryRun")
        self._is_event = invocation_type == "Event"
        self.name = name

    async def invoke(self, record: S3Record) -> FunctionError | None:
        """Invoke the function for a record.

        Returns as soon as Lambda has accepted the event (`Event`), or when the function has
        finished (`RequestResponse`), then with the function's own error if it failed.
        """
        with failures("Invoke"):
            status, headers, payload = await self._invoke(
                orjson.dumps(record.to_event()), within_s=ACCEPTED_S if self._is_event else None
            )
            if "x-amz-function-error" in headers:
                return _function_error(payload)
            # A proxy's page, or an empty answer, has accepted no event and run no function.
            with readable():
                if status != (HTTPStatus.ACCEPTED if self._is_event else HTTPStatus.OK):
                    raise ValueError(f"HTTP {status}")
                if not self._is_event and not _names(orjson.loads(payload), record):
                    raise ValueError("the function's answer does not name this upload")
        return None

    async def probe(self) -> int | None:
        """Fail as an invocation would if the function does not exist or may not be invoked.

        Returns how many invocations run at once, if a host says so.
        """
        with failures("Invoke (DryRun)"):
            status, headers, _ = await self._try(b"", within_s=PROBED_S)
            with readable():
                if status != HTTPStatus.NO_CONTENT:
                    raise ValueError(f"HTTP {status}")
                room = headers.get("x-hybridsphere-room")
                return int(room) if room else None


def _names(answer: Any, record: S3Record) -> bool:
    """Return whether a function's answer lists a record among the videos that it processed."""
    return any(
        (video["bucket"], video["key"]) == (record.bucket, record.key)
        and Version(video["etag"], video["sequencer"], video["event_time"]).id == record.version.id
        for video in answer["videos"]
    )


def _function_error(payload: bytes) -> FunctionError:
    try:
        error = orjson.loads(payload)
    except ValueError:
        error = None
    match error:
        case {"errorType": str(kind), "errorMessage": str(message)}:
            return FunctionError(reason_of(kind), reason_of(message))
    # Unparsed, a line ends in the two characters of its JSON escape.
    line, _, _ = payload.decode(errors="replace").partition(r"\n")
    return FunctionError("Unhandled", reason_of(line))
