"""The failures of a call and of the set-up, whatever botocore, aiobotocore and aiohttp raise.

Their lists of exceptions are open, so every ladder here ends with Exception.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NoReturn

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError, create_parser

from hybridsphere.errors import CannotRun, CannotRunNow, ConfigurationError
from hybridsphere.messages import reason_of

_THROTTLED = {
    "OverLimit",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}

_SDK_NAMES = {
    "InvalidParameterValueException": "InvalidParameterValue",
    "MessageNotInflightException": "MessageNotInflight",
    "NonExistentQueueException": "NonExistentQueue",
    "OverLimitException": "OverLimit",
    "QueueDoesNotExistException": "QueueDoesNotExist",
    "ReceiptHandleIsInvalidException": "ReceiptHandleIsInvalid",
    "RequestThrottledException": "RequestThrottled",
}

_NOT_THERE = {
    "NoSuchBucket",
    "NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}

_QUERY_ANSWER = re.compile(r"(<\?xml[^>]*>)?\s*<(ErrorResponse|[A-Z][A-Za-z]+Response)\b")
_QUERY_ONLY = (
    "the server answers in XML, so it speaks SQS's old query protocol only. The bridge needs the "
    "JSON protocol: see docs/servers.md"
)

_PLAIN = (BotoCoreError, ClientError, ResponseParserError, aiohttp.ClientError, OSError, ValueError)
"""Errors whose text says enough without their name."""

_NO_ANSWER = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""Errors of reading an answer of another form."""


class AwsError(CannotRun):
    """A call that failed; the text names the call and what AWS said, in one line."""

    def __init__(
        self, message: str, *, details: Iterable[tuple[str, str]] = (), hint: str = ""
    ) -> None:
        super().__init__(reason_of(" ".join(message.split())), details=details, hint=hint)


class Throttled(AwsError):
    """Too many calls at once: a later call, and fewer of them, may succeed."""


class Unavailable(AwsError):
    """No answer, or an answer that reports trouble in the service: a later call may succeed."""


class Refused(AwsError):
    """An answer that will be the same next time; `code` is the service's code, as `bare_code`."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = bare_code(code)

    @property
    def not_there(self) -> bool:
        """Whether the thing that the call names does not exist."""
        return self.code in _NOT_THERE


def bare_code(code: str) -> str:
    """Return an error code of SQS as its JSON protocol names it.

    Servers also send the code of the query protocol, `AWS.SimpleQueueService.…`, or `…Exception`
    as the SDKs name the class.
    """
    bare = code.rpartition("#")[2].removeprefix("AWS.SimpleQueueService.")
    return _SDK_NAMES.get(bare, bare)


def is_query_answer(content: bytes | str) -> bool:
    """Return whether an answer is in the query protocol of SQS."""
    text = content if isinstance(content, str) else content[:500].decode(errors="replace")
    return _QUERY_ANSWER.match(text.lstrip()) is not None


class ReceiptGone(Refused):
    """A receipt handle that has expired: a newer receipt of the message counts, or none."""


class failures:  # noqa: N801 - a context, used like a function; contextlib's take longer
    """A context that turns every exception of a call into one of this module's failures."""

    __slots__ = ("_call",)

    def __init__(self, call: str) -> None:
        self._call = call

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, AwsError):
            _fail(self._call, error)


def _fail(call: str, raised: Exception) -> NoReturn:
    try:
        raise raised  # noqa: TRY301 - one ladder for all
    except ClientError as error:
        raise _client_failure(call, error) from error
    except (aiohttp.ClientResponseError, HTTPClientError) as error:
        raise Unavailable(f"{call}: {described(error)}") from None
    except HttpProcessingError as error:
        raise Unavailable(f"{call}: {_no_http(error.message)}") from error
    except aiohttp.ClientSSLError as error:
        # Also a ValueError, but it ends when a certificate is renewed.
        raise Unavailable(f"{call}: {error}") from error
    except (
        NoCredentialsError,
        PartialCredentialsError,
        ParamValidationError,
        ValueError,  # aiohttp raises it for an endpoint that is not a URL
    ) as error:
        raise Refused(f"{call}: {described(error)}", type(error).__name__) from error
    except Exception as error:
        raise Unavailable(f"{call}: {described(error)}") from error


@contextmanager
def set_up() -> Iterator[None]:
    """Turn every exception of a set-up into a ConfigurationError, or a CannotRunNow if it may pass.

    The set-up covers region, profile, credentials and endpoint.
    """
    try:
        yield
    except CannotRun:
        raise
    except NoRegionError:
        raise ConfigurationError("AWS_REGION is not set: name the region of the account") from None
    except CredentialRetrievalError as error:
        raise CannotRunNow(f"no AWS credentials at the moment: {reason_of(error)}") from None
    except (PartialCredentialsError, ProfileNotFound) as error:
        raise ConfigurationError(f"the AWS credentials cannot be used: {error}") from None
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            "the AWS configuration cannot be used, see AWS_REGION, AWS_ENDPOINT_URL and the file "
            f"that AWS_CONFIG_FILE names: {reason_of(' '.join(str(error).split()))}"
        ) from None
    except Exception as error:
        # A program that is missing, say, or a source that answers something else.
        raise CannotRunNow(f"no AWS credentials at the moment: {described(error)}") from error


def query_only() -> ResponseParserError:
    """Return the error for a server that speaks SQS's query protocol alone."""
    return ResponseParserError(_QUERY_ONLY)


def refusal(
    operation: str, protocol: str, status: int, headers: Mapping[str, str], content: bytes
) -> ClientError:
    """Make the error that botocore would raise for an answer that reports a failure."""
    names = {name.lower(): value for name, value in headers.items()}
    answer = {"status_code": status, "headers": names, "body": content, "context": {}}
    with readable():
        # The parser reads an error without a shape; its stubs demand one.
        parser: Any = create_parser(protocol)
        return ClientError(parser.parse(answer, None), operation)


class readable:  # noqa: N801 - a context, used like a function; contextlib's take longer
    """A context that turns every exception of reading an answer into one."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, _NO_ANSWER):
            raise ResponseParserError(f"no answer of AWS's: {error!r}") from error


def described(error: Exception) -> str:
    """Describe an error in one line.

    The texts of some errors of aiohttp, which botocore quotes, hold a proxy's password or parts of
    an answer. They are replaced.
    """
    inner = error.kwargs.get("error") if isinstance(error, HTTPClientError) else error
    if isinstance(inner, aiohttp.ClientResponseError):
        if isinstance(inner.__cause__, HttpProcessingError):
            # The status is aiohttp's own, not that of an answer.
            return _no_http(inner.message)
        return f"HTTP {inner.status} {inner.message}"
    if isinstance(inner, aiohttp.ServerDisconnectedError):
        # Its message is the part of the head that arrived.
        began = not isinstance(inner.message, str)
        when = "in the middle of the answer's head" if began else "before it answered"
        return f"the other side disconnected {when}"
    if isinstance(inner, aiohttp.ClientPayloadError):
        return "the answer broke off in the middle of its body"
    if isinstance(inner, aiohttp.InvalidURL):
        return "the address of a proxy, or of the endpoint, is not a URL"
    # aiohttp names a certificate default even for an address without TLS.
    text = str(error).replace(" ssl:default", "")
    if isinstance(error, BotoCoreError):
        text = " ".join(text.split())
    if not isinstance(error, _PLAIN):
        text = f"{type(error).__name__}: {text}"
    return reason_of(text) or type(error).__name__


def _no_http(message: str) -> str:
    """Report what aiohttp misses in a head, without the part of the head that it quotes."""
    reason = reason_of(message).partition(" b'")[0].rstrip(":")
    return f"no HTTP: {reason}"


def _client_failure(call: str, error: ClientError) -> AwsError:
    code = str(error.response["Error"].get("Code", ""))
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
    message = str(error.response["Error"].get("Message", ""))
    if is_query_answer(message):
        return Unavailable(f"{call}: {_QUERY_ONLY}")
    text = f"{call}: {code}: {reason_of(message)}"
    if status == 429 or bare_code(code) in _THROTTLED:
        return Throttled(text)
    # 501 stays as it is, whoever asks again: the service does not know what was asked.
    return Unavailable(text) if status >= 500 and status != 501 else Refused(text, code)
