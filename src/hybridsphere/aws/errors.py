"""The three ways in which a call can fail, whatever aiobotocore raises."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError, create_parser

from hybridsphere.errors import CannotRun
from hybridsphere.messages import first_line, without_passwords

_THROTTLED = {
    "OverLimit",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}

_NOT_THERE = {
    "NoSuchBucket",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}

LONGEST_TEXT = 500
"""Characters of what a failure says: AWS's own words fit, a page of a proxy's need not."""


class AwsError(CannotRun):
    """A call that failed; the text names the call and what AWS said, in one line."""

    def __init__(self, message: str) -> None:
        line = " ".join(message.split())
        super().__init__(line if len(line) <= LONGEST_TEXT else f"{line[:LONGEST_TEXT]}…")


class Throttled(AwsError):
    """Too much at once: pass it again later, and less of it."""


class Unavailable(AwsError):
    """No answer, or one that says that the service is in trouble: pass it again later."""


class Refused(AwsError):
    """An answer that will be the same next time; `code` is the service's own word for it."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def not_there(self) -> bool:
        """Whether what was named does not exist."""
        return self.code in _NOT_THERE


class ReceiptGone(Refused):
    """A receipt handle that is good no more: another receipt of the message counts, or none."""


@contextmanager
def failures(call: str) -> Iterator[None]:
    """Turn what aiobotocore and aiohttp raise into the three failures of this module."""
    try:
        yield
    except ClientError as error:
        raise _client_failure(call, error) from error
    except (aiohttp.ClientResponseError, HTTPClientError) as error:
        raise Unavailable(f"{call}: {without_address(error)}") from None
    except HttpProcessingError as error:
        raise Unavailable(f"{call}: {_no_http(error.message)}") from error
    except aiohttp.ClientSSLError as error:
        # A ValueError as well, but one that ends when a certificate is renewed.
        raise Unavailable(f"{call}: {error}") from error
    except (
        NoCredentialsError,
        PartialCredentialsError,
        ParamValidationError,
        ValueError,  # aiohttp's, for an endpoint that makes no sense
    ) as error:
        raise Refused(f"{call}: {without_address(error)}", type(error).__name__) from error
    except (
        BotoCoreError,
        ResponseParserError,
        aiohttp.ClientError,
        OSError,
        RuntimeError,  # botocore's, for new credentials that are over when they come
    ) as error:
        raise Unavailable(f"{call}: {without_address(error) or type(error).__name__}") from error


def refusal(
    operation: str, protocol: str, status: int, headers: Mapping[str, str], content: bytes
) -> ClientError:
    """What botocore would raise for an answer that is no success."""
    names = {name.lower(): value for name, value in headers.items()}
    answer = {"status_code": status, "headers": names, "body": content, "context": {}}
    with readable():
        return ClientError(create_parser(protocol).parse(answer, None), operation)


@contextmanager
def readable() -> Iterator[None]:
    """Turn what reading an answer of another form raises into one error."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ResponseParserError(f"no answer of AWS's: {error!r}") from error


def without_address(error: Exception) -> str:
    """What an error says; not aiohttp's own text, which has the address, of a proxy with the
    password, or what came of an answer, nor botocore's, which quotes aiohttp's.
    """
    inner = error.kwargs.get("error") if isinstance(error, HTTPClientError) else error
    if isinstance(inner, aiohttp.ClientResponseError):
        if isinstance(inner.__cause__, HttpProcessingError):
            # The status is aiohttp's own, and not that of an answer.
            return _no_http(inner.message)
        return f"HTTP {inner.status} {inner.message}"
    if isinstance(inner, aiohttp.ServerDisconnectedError):
        # Its message is as much of the head as came.
        began = not isinstance(inner.message, str)
        when = "in the middle of the answer's head" if began else "before it answered"
        return f"the other side disconnected {when}"
    if isinstance(inner, aiohttp.ClientPayloadError):
        return "the answer broke off in the middle of its body"
    if isinstance(inner, aiohttp.InvalidURL):
        return "the address of a proxy, or of the endpoint, is none"
    # Below its first line, botocore quotes what it cannot parse: new credentials, say.
    text = first_line(error) if isinstance(error, ResponseParserError) else str(error)
    # Which certificates aiohttp would take, it says of an address without TLS as well.
    return without_passwords(text.replace(" ssl:default", ""))


def _no_http(message: str) -> str:
    """What aiohttp misses in a head, without what it quotes of that."""
    reason = first_line(message).partition(" b'")[0].rstrip(":")
    return f"no HTTP: {reason}"


def _client_failure(call: str, error: ClientError) -> AwsError:
    code = str(error.response["Error"].get("Code", ""))
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
    text = f"{call}: {code}: {first_line(error.response['Error'].get('Message', ''))}"
    if status == 429 or code.removeprefix("AWS.SimpleQueueService.") in _THROTTLED:
        return Throttled(text)
    # 501 stays as it is, whoever asks again: the service does not know what was asked.
    return Unavailable(text) if status >= 500 and status != 501 else Refused(text, code)
