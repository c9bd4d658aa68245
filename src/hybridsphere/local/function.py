"""A function, and what goes in and out of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

ACCOUNT_ID = "123456789012"
"""The account that moto's server stands for; ARNs name it."""

VERSION = "$LATEST"


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What Lambda is told about a function. The retry figures are those of Lambda itself
    (AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous
    invocation").
    """

    name: str
    handler: str
    """Module and function, joined by a dot."""
    timeout_s: float
    memory_mb: int
    """Told to the function; nothing here enforces it."""
    reserved_concurrency: int
    environment: Mapping[str, str]
    region: str = "us-east-1"
    max_retries: int = 2
    retry_delays_s: tuple[float, ...] = (60, 120)
    max_event_age_s: float = 21_600

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{ACCOUNT_ID}:function:{self.name}"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event on its way into the function; each of its attempts has the same `request_id`."""

    request_id: str
    payload: bytes
    function_arn: str
    qualifier: str | None = None

    @property
    def invoked_arn(self) -> str:
        """The ARN as the caller named the function, which is the one the function is told."""
        return f"{self.function_arn}:{self.qualifier}" if self.qualifier else self.function_arn

    @property
    def qualified_arn(self) -> str:
        return f"{self.function_arn}:{self.qualifier or VERSION}"


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: the function's answer, or a description of its error."""

    payload: bytes
    is_error: bool = False

    @classmethod
    def error(cls, kind: str, message: str) -> "Response":
        body = {"errorType": kind, "errorMessage": message}
        return cls(json.dumps(body).encode(), is_error=True)
