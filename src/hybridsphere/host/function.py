"""A function, its events and its responses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

ACCOUNT_ID = "123456789012"
"""The account number of moto's server; ARNs contain it."""

VERSION = "$LATEST"


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """The configuration of a function in Lambda.

    The figures of retries are Lambda's own (AWS Lambda developer guide, "How Lambda handles errors
    and retries with asynchronous invocation").
    """

    name: str
    handler: str
    """Module and function, joined by a dot."""
    timeout_s: float
    memory_mb: int
    """The function can read it; a worker that uses more is killed if `bounds_memory`."""
    reserved_concurrency: int
    environment: Mapping[str, str]
    region: str = "us-east-1"
    max_retries: int = 2
    retry_delays_s: tuple[float, ...] = (60, 120)
    max_event_age_s: float = 21_600
    bounds_memory: bool = False

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{ACCOUNT_ID}:function:{self.name}"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for the function; all its attempts have the same `request_id`."""

    request_id: str
    payload: bytes
    function_arn: str
    qualifier: str | None = None

    @property
    def invoked_arn(self) -> str:
        """The ARN by which the caller named the function; the function sees the same."""
        return f"{self.function_arn}:{self.qualifier}" if self.qualifier else self.function_arn

    @property
    def qualified_arn(self) -> str:
        return f"{self.function_arn}:{self.qualifier or VERSION}"


@dataclass(frozen=True, slots=True)
class Response:
    """The function's answer, or a description of its error."""

    payload: bytes
    is_error: bool = False

    @classmethod
    def error(cls, kind: str, message: str) -> "Response":
        body = {"errorType": kind, "errorMessage": message}
        return cls(json.dumps(body).encode(), is_error=True)
