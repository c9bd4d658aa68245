"""One Lambda function."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from hybridsphere.aws.direct import Call
from hybridsphere.aws.errors import failures, readable
from hybridsphere.messages import reason_of

if TYPE_CHECKING:
    from types_aiobotocore_lambda import LambdaClient

ACCEPTED_S = 10.0
"""How long Lambda may take to accept an event: one that it accepted unheard is sent once more."""


@dataclass(frozen=True, slots=True)
class FunctionError:
    """What a synchronous invocation ended in when the function itself failed, in one line."""

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

    async def invoke(self, event: Mapping[str, Any]) -> FunctionError | None:
        """Hand an event to the function.

        Returns as soon as Lambda has accepted it (`Event`), or when the function is done
        (`RequestResponse`), then with the function's own error if it failed.
        """
        with failures("Invoke"):
            status, headers, payload = await self._invoke(
                orjson.dumps(event), within_s=ACCEPTED_S if self._is_event else None
            )
            if "X-Amz-Function-Error" in headers:
                return _function_error(payload)
            # A page of a proxy's, say, or an empty one, has accepted no event and run no function.
            with readable():
                if status != (HTTPStatus.ACCEPTED if self._is_event else HTTPStatus.OK):
                    raise ValueError(f"HTTP {status}")
                if not self._is_event:
                    orjson.loads(payload)
        return None

    async def probe(self) -> None:
        """Fail as an invocation would if the function is not there or may not be invoked."""
        with failures("Invoke (DryRun)"):
            status, _, _ = await self._try(b"")
            with readable():
                if status != HTTPStatus.NO_CONTENT:
                    raise ValueError(f"HTTP {status}")


def _function_error(payload: bytes) -> FunctionError:
    try:
        error = orjson.loads(payload)
    except ValueError:
        error = None
    match error:
        case {"errorType": str(kind), "errorMessage": str(message)}:
            return FunctionError(reason_of(kind), reason_of(message))
    # As it came; in JSON, a line ends in two characters.
    line, _, _ = payload[:500].decode(errors="replace").partition(r"\n")
    return FunctionError("Unhandled", reason_of(line))
