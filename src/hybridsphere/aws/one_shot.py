"""AWS clients for the commands: botocore retries for them, and they end when it gives up.

The bridge uses the other modules of this package instead: it never gives up.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import TYPE_CHECKING, Any, Literal, overload
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from hybridsphere.aws.clients import READ_TIMEOUT_S, client_config
from hybridsphere.aws.credentials import find_credentials, session
from hybridsphere.aws.errors import AwsError, described, set_up
from hybridsphere.errors import CHECK_NETWORK

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_lambda import LambdaClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sqs import SQSClient

_PATIENT = AioConfig(retries={"mode": "standard", "total_max_attempts": 5})

CALL_FAILURES = (ClientError, BotoCoreError)
"""The errors of one call, after which the next call may succeed."""


REFUSAL = ClientError
"""An answer that is an error of the service; `code_of` is its code."""


def code_of(refusal: ClientError) -> str:
    return str(refusal.response["Error"].get("Code", ""))


@overload
def client(
    service: Literal["dynamodb"], *, connections: int = ...
) -> AbstractAsyncContextManager["DynamoDBClient"]: ...


@overload
def client(
    service: Literal["s3"], *, connections: int = ...
) -> AbstractAsyncContextManager["S3Client"]: ...


@overload
def client(
    service: Literal["sqs"], *, connections: int = ...
) -> AbstractAsyncContextManager["SQSClient"]: ...


@overload
def client(
    service: Literal["lambda"], *, connections: int = ..., read_timeout_s: float = ...
) -> AbstractAsyncContextManager["LambdaClient"]: ...


@asynccontextmanager
async def client(
    service: str, *, connections: int = 10, read_timeout_s: float = READ_TIMEOUT_S
) -> AsyncIterator[Any]:
    """Yield a client for this many concurrent calls; a call that fails raises AwsError.

    Raises ConfigurationError where the standard chain has no region, no credentials or no usable
    endpoint, and CannotRunNow where its source of credentials fails at the moment.
    """
    async with AsyncExitStack() as stack:
        with set_up():
            # The stubs know each service by its literal name only.
            made: Any = session()
            await find_credentials(made)
            config = client_config(connections, read_timeout_s).merge(_PATIENT)
            entered = await stack.enter_async_context(made.create_client(service, config=config))
            # botocore reads the port only when it signs the first call.
            _ = urlsplit(entered.meta.endpoint_url).port
        try:
            yield entered
        except CALL_FAILURES as error:
            raise _failure(error) from error


@contextmanager
def concerning(thing: str) -> Iterator[None]:
    """Add the name of a thing to the errors of calls about it, since AWS often omits it."""
    try:
        yield
    except CALL_FAILURES as error:
        raise _failure(error, f"{thing}: ") from error


def status_of(refusal: ClientError) -> int:
    """Return the HTTP status of a refusal; S3 answers HEAD requests with it alone."""
    return int(refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _failure(error: BotoCoreError | ClientError, begin: str = "") -> AwsError:
    """Make the error of a call, with the remedy where no service answered."""
    unanswered = isinstance(error, (NoConnection, HTTPClientError))
    return AwsError(begin + described(error), hint=CHECK_NETWORK if unanswered else "")
