"""The function's AWS clients, made when first needed and kept for the runtime's life."""

from functools import cache
from typing import Any

from botocore.exceptions import ClientError


@cache
def client(service: str) -> Any:
    """Return the client of a service: `s3`, `sqs` or `dynamodb`."""
    from botocore.config import Config  # noqa: PLC0415 - half as long to import as all the rest

    # A healthy call takes well under a second. Four attempts of this length leave a video most of
    # the 900 s that Lambda allows; Lambda retries the event after the last attempt.
    config = Config(
        connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 4}
    )
    return _session().create_client(service, config=config)


@cache
def _session() -> Any:
    """Return the session that all clients share, so their common data is read once."""
    from botocore.session import get_session  # noqa: PLC0415 - as above

    return get_session()


def http_status(error: ClientError) -> int:
    """Return the HTTP status of a refused request."""
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def error_code(error: ClientError) -> str:
    """Return the service's code for a refusal, such as `KeyTooLongError`."""
    return str(error.response["Error"]["Code"])
