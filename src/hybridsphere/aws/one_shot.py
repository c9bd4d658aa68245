"""AWS clients for the tools, which leave retrying to botocore and end when it gives up.

The bridge has the others of this package instead: it never gives up.
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
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from hybridsphere.aws import AwsError, client_config, session
from hybridsphere.aws.errors import without_address
from hybridsphere.errors import ConfigurationError
from hybridsphere.messages import first_line, without_passwords

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sqs import SQSClient

_PATIENT = AioConfig(retries={"mode": "standard", "total_max_attempts": 5})

CALL_FAILURES = (ClientError, BotoCoreError)
"""The errors of one call, after which the next call may succeed."""


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


@asynccontextmanager
async def client(service: str, *, connections: int = 10) -> AsyncIterator[Any]:
    """A client for so many concurrent calls; whatever fails inside is an AwsError of one line.

    Raises ConfigurationError where the standard chain has no region or no credentials, or an
    endpoint that is none.
    """
    try:
        async with AsyncExitStack() as stack:
            yield await _made(stack, service, connections)
    except NoRegionError:
        raise ConfigurationError("AWS_REGION is not set: name the account's region") from None
    except NoCredentialsError:
        raise ConfigurationError(
            "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None
    except (PartialCredentialsError, ProfileNotFound) as error:
        raise ConfigurationError(f"the AWS credentials cannot be used: {error}") from None
    except (BotoCoreError, ClientError) as error:
        raise AwsError(first_line(without_address(error))) from error


async def _made(stack: AsyncExitStack, service: str, connections: int) -> Any:
    config = client_config(connections).merge(_PATIENT)
    # Their types know each service by its literal name only.
    clients: Any = session()
    try:
        made = await stack.enter_async_context(clients.create_client(service, config=config))
        # botocore itself looks at the port when it signs the first call.
        _ = urlsplit(made.meta.endpoint_url).port
    except ValueError as error:
        raise ConfigurationError(
            f"the endpoint of {service} cannot be used, see AWS_ENDPOINT_URL: "
            f"{without_passwords(str(error))}"
        ) from None
    return made


@contextmanager
def concerning(thing: str) -> Iterator[None]:
    """Name what calls are about in what they fail with, for AWS itself often does not."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise AwsError(f"{thing}: {first_line(without_address(error))}") from error
