"""The function's AWS clients, made when first needed and kept for the runtime's life."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# Well under a second each when all is well. Four attempts of these lengths still leave a video
# most of Lambda's time, and what fails after them is tried again by Lambda itself.
_CONFIG = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 4}
)


@cache
def client(service: str) -> Any:
    """The client of a service: `s3`, `sqs` or `dynamodb`."""
    return boto3.client(service, config=_CONFIG)


def http_status(error: ClientError) -> int:
    """The HTTP status that a service refused a request with."""
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def error_code(error: ClientError) -> str:
    """The service's own word for the refusal, such as `KeyTooLongError`."""
    return str(error.response["Error"]["Code"])
