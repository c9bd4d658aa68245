"""The function's AWS clients, made when first needed and kept for the runtime's life."""

from functools import cache
from typing import Any

from botocore.exceptions import ClientError


@cache
def client(service: str) -> Any:
    """The client of a service: `s3`, `sqs` or `dynamodb`."""
    from botocore.config import Config  # noqa: PLC0415 - half as long to import as all the rest

    # Well under a second each when all is well. Four attempts of these lengths still leave a video
    # most of Lambda's time, and what fails after them is tried again by Lambda itself.
    config = Config(
        connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 4}
    )
    return _session().create_client(service, config=config)


@cache
def _session() -> Any:
    """One for all clients: what they share is then read once. boto3 would only wrap it."""
    from botocore.session import get_session  # noqa: PLC0415 - as above

    return get_session()


def http_status(error: ClientError) -> int:
    """The HTTP status that a service refused a request with."""
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def error_code(error: ClientError) -> str:
    """The service's own word for the refusal, such as `KeyTooLongError`."""
    return str(error.response["Error"]["Code"])
