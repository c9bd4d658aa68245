"""Sessions and clients: where they connect, how long they wait, how often they try."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from aiohttp import AddrInfoType, ClientTimeout
from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from hybridsphere.aws.bucket import Bucket
from hybridsphere.aws.function import Function
from hybridsphere.aws.queue import LONG_POLL_S, Queue
from hybridsphere.errors import CannotRunNow, ConfigurationError
from hybridsphere.messages import without_passwords

READS = 16
"""Objects that are read at once."""

CONNECT_TIMEOUT_S = 5
CONNECTED_WITHIN_S = 2 * CONNECT_TIMEOUT_S
"""With the look-up of the name and the answer of a proxy, which botocore's time-out leaves out."""
READ_TIMEOUT_S = LONG_POLL_S + 10
LONGEST_INVOCATION_S = 900
"""Lambda's limit on one invocation; a synchronous call must wait that long, and no retry before."""
KEEPALIVE_S = 30
"""The silence after which TCP asks whether the other end is there: what translates addresses on
the way (NAT) forgets a connection that is silent for minutes, as one is while a function works.
"""


class Aws:
    """The clients of one process; made by `connect`."""

    def __init__(self, sqs: Any, function: Any, s3: Any) -> None:
        self._sqs = sqs
        self._lambda = function
        self._s3 = s3

    def bucket(self, name: str) -> Bucket:
        return Bucket(self._s3, name)

    def queue(self, url: str) -> Queue:
        return Queue(self._sqs, url)

    def function(self, name: str, invocation_type: str) -> Function:
        return Function(self._lambda, name, invocation_type)

    def on_date(self, heard: Callable[[float], None]) -> None:
        """Call `heard` with the time (seconds since 1970) that an answer of SQS or S3 carries.

        Refusals carry one too. Calls that `direct` makes do not pass here.
        """

        def hear(parsed: Mapping[str, Any], **_: Any) -> None:
            date = parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
            with suppress(TypeError, ValueError):
                heard(parsedate_to_datetime(date).timestamp())

        for client in (self._sqs, self._s3):
            client.meta.events.register("after-call", hear)


def session() -> AioSession:
    """A session of the standard chain; honours `AWS_REGION`, which botocore itself does not."""
    made = get_session()
    if region := os.environ.get("AWS_REGION"):
        made.set_config_variable("region", region)
    return made


def client_config(connections: int, read_timeout_s: float = READ_TIMEOUT_S) -> AioConfig:
    """Connections and time-outs set where botocore's defaults would surprise; no retries."""
    return AioConfig(
        max_pool_connections=connections,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
        connector_args={"socket_factory": _kept_alive},
    )


@asynccontextmanager
async def connect(*, polls: int, invocations: int, invocation_type: str) -> AsyncIterator[Aws]:
    """The clients for so many concurrent polls and invocations.

    Raises ConfigurationError where the standard chain has no region or no credentials, or makes
    no sense; CannotRunNow where it cannot get them at the moment.
    """
    wait_s = READ_TIMEOUT_S if invocation_type == "Event" else LONGEST_INVOCATION_S + 10
    async with AsyncExitStack() as stack:
        with _misconfigurations():
            made = session()
            if await _credentials(made) is None:
                raise ConfigurationError(
                    "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY"
                )
            # Beside the polls: deletes, heartbeats and dead letters.
            sqs = await stack.enter_async_context(
                made.create_client("sqs", config=client_config(polls + 16))
            )
            function = await stack.enter_async_context(
                made.create_client("lambda", config=client_config(invocations, wait_s))
            )
            s3 = await stack.enter_async_context(
                made.create_client("s3", config=client_config(READS))
            )
        for client in (sqs, function, s3):
            _limit_connecting(client)
        yield Aws(sqs, function, s3)


async def _credentials(made: AioSession) -> Any:
    try:
        found = await made.get_credentials()
    except OSError as error:
        raise ConfigurationError(
            f"the AWS credentials cannot be used: credential_process cannot be started: {error}"
        ) from error
    except (AttributeError, LookupError, TypeError) as error:
        # botocore takes whatever a source of credentials answers for what it should be.
        raise CannotRunNow(
            f"no AWS credentials at the moment: their source answers something else: {error!r}"
        ) from error
    if found is not None and found.method == "assume-role":
        _refuse_mfa(made)
    return found


def _refuse_mfa(made: AioSession) -> None:
    """Raise ConfigurationError if the profile, or a source of it, asks for a code at a keyboard."""
    profiles = made.full_config.get("profiles", {})
    name, seen = made.get_config_variable("profile") or "default", set()
    while name in profiles and name not in seen:
        seen.add(name)
        if "mfa_serial" in profiles[name]:
            raise ConfigurationError(
                f"the AWS credentials cannot be used: the profile {name} asks for an MFA code, "
                "which a service cannot enter"
            )
        name = profiles[name].get("source_profile")


def _limit_connecting(client: Any) -> None:
    http = client._endpoint.http_session  # noqa: SLF001 - no public way leads there
    own = http._timeout  # noqa: SLF001
    http._timeout = ClientTimeout(  # noqa: SLF001
        connect=CONNECTED_WITHIN_S, sock_connect=own.sock_connect, sock_read=own.sock_read
    )


def _kept_alive(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Not every system has these by these names; its own silence is two hours then.
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S)
    return made


@contextmanager
def _misconfigurations() -> Iterator[None]:
    """Turn what botocore raises while it is set up into ConfigurationError, or CannotRunNow."""
    try:
        yield
    except NoRegionError:
        raise ConfigurationError("AWS_REGION is not set: name the region of the queues") from None
    except CredentialRetrievalError as error:
        raise CannotRunNow(f"no AWS credentials at the moment: {error}") from None
    except (PartialCredentialsError, ProfileNotFound) as error:
        raise ConfigurationError(f"the AWS credentials cannot be used: {error}") from None
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            "the AWS configuration cannot be used, see AWS_REGION, AWS_ENDPOINT_URL and the file "
            f"that AWS_CONFIG_FILE names: {without_passwords(str(error))}"
        ) from None
