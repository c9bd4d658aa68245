"""AWS clients for the tools, which leave retrying to botocore and end when it gives up.

The bridge has the others of this package instead: it never gives up.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiobotocore.config import AioConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from hybridsphere.aws import AwsError, client_config, session
from hybridsphere.aws.failures import first_line, without_address
from hybridsphere.errors import ConfigurationError

_PATIENT = AioConfig(retries={"mode": "standard", "total_max_attempts": 5})

CALL_FAILURES = (ClientError, HTTPClientError)
"""What one call can end in while the next may well succeed."""


@asynccontextmanager
async def client(service: str, *, connections: int = 10) -> AsyncIterator[Any]:
    """A client for so many concurrent calls; whatever fails inside is an AwsError of one line.

    Raises ConfigurationError where the standard chain has no region or no credentials.
    """
    config = client_config(connections).merge(_PATIENT)
    try:
        async with session().create_client(service, config=config) as made:
            yield made
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


@contextmanager
def concerning(thing: str) -> Iterator[None]:
    """Name what calls are about in what they fail with, for AWS itself often does not."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise AwsError(f"{thing}: {first_line(without_address(error))}") from error
