"""Clients: where they connect, how long they wait, how often they try."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiohttp import AddrInfoType, ClientTimeout

from hybridsphere.aws.bucket import READS, Bucket
from hybridsphere.aws.credentials import find_credentials, session
from hybridsphere.aws.errors import set_up
from hybridsphere.aws.function import Function
from hybridsphere.aws.queue import LONG_POLL_S, Queue
from hybridsphere.keys import KeyPair

if TYPE_CHECKING:
    from types_aiobotocore_lambda import LambdaClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sqs import SQSClient

CONNECT_TIMEOUT_S = 5
CONNECTED_WITHIN_S = 2 * CONNECT_TIMEOUT_S
"""Limit on connecting, name look-up and proxy included; botocore's time-out omits those two."""

READ_TIMEOUT_S = LONG_POLL_S + 10

LONGEST_INVOCATION_S = 900
"""Lambda's limit on one invocation; a synchronous call must wait that long."""

HOSTED_NAME = "hybridsphere"
"""The function's name in calls of a host, which answers to every name."""

KEEPALIVE_S = 30
"""Silence after which TCP probes the other end, and between probes. Address translation (NAT)
drops connections that are silent for minutes, as one is while a function works."""

KEEPALIVE_PROBES = 3
"""Probes without an answer after which the other end is gone, as a host without power is."""

OpenHost = Callable[..., Awaitable[Any]]
"""A call that makes a client of Lambda for so many calls, with other arguments of botocore's."""


class Aws:
    """The clients of one process; made by `connect`."""

    def __init__(
        self, sqs: "SQSClient", function: "LambdaClient", s3: "S3Client", open_host: OpenHost
    ) -> None:
        self._sqs = sqs
        self._lambda = function
        self._s3 = s3
        self._open_host = open_host

    def bucket(self, name: str) -> Bucket:
        return Bucket(self._s3, name)

    def queue(self, url: str) -> Queue:
        return Queue(self._sqs, url)

    def function(self, name: str, invocation_type: str) -> Function:
        return Function(self._lambda, name, invocation_type)

    async def host(self, endpoint: str, keys: KeyPair | None, calls: int) -> Function:
        """Make the function of a host at a URL, for so many calls at once.

        Calls are signed with the pair, or with the credentials of the standard chain.
        """
        given = {"aws_access_key_id": keys.id, "aws_secret_access_key": keys.secret} if keys else {}
        client = await self._open_host(calls, endpoint_url=endpoint, **given)
        return Function(client, HOSTED_NAME, "RequestResponse")

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


def client_config(connections: int, read_timeout_s: float = READ_TIMEOUT_S) -> AioConfig:
    """Return a configuration without retries, with connections and time-outs as given.

    botocore's defaults would surprise: ten connections, and slow synchronous calls made twice.
    """
    return AioConfig(
        max_pool_connections=connections,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
        connector_args={"socket_factory": _kept_alive},
    )


@asynccontextmanager
async def connect(*, polls: int, invocations: int, invocation_type: str) -> AsyncIterator[Aws]:
    """Yield the clients for this many concurrent polls and invocations.

    Raises ConfigurationError where the standard chain has no region or no credentials, or cannot
    be understood; CannotRunNow where its source of credentials fails at the moment.
    """
    wait_s = READ_TIMEOUT_S if invocation_type == "Event" else LONGEST_INVOCATION_S + 10
    async with AsyncExitStack() as stack:
        with set_up():
            # The stubs know each service by its literal name only.
            made: Any = session()
            await find_credentials(made)

            async def client(service: str, connections: int, read_s: float, **given: str) -> Any:
                config = client_config(connections, read_s)
                entered = await stack.enter_async_context(
                    made.create_client(service, config=config, **given)
                )
                limit_calls(entered, read_s + CONNECTED_WITHIN_S)
                return entered

            async def open_host(calls: int, **given: str) -> Any:
                # Beside the calls: one that finds out whether the host is there again.
                with set_up():
                    return await client("lambda", calls + 1, LONGEST_INVOCATION_S + 10, **given)

            # Beside the polls: deletions, heartbeats and dead letters.
            sqs = await client("sqs", polls + 32, READ_TIMEOUT_S)
            function = await client("lambda", invocations, wait_s)
            # Beside the reads: the listings of both buckets.
            s3 = await client("s3", READS + 2, READ_TIMEOUT_S)
        yield Aws(sqs, function, s3, open_host)


def limit_calls(client: Any, total_s: float) -> None:
    """Give every call of a client a total time: a read time-out starts again with each byte."""
    http = client._endpoint.http_session  # noqa: SLF001 - there is no public way
    own = http._timeout  # noqa: SLF001
    # The body of an object is read after the call itself; `total` covers that too.
    http._timeout = ClientTimeout(  # noqa: SLF001
        total=total_s,
        connect=CONNECTED_WITHIN_S,
        sock_connect=own.sock_connect,
        sock_read=own.sock_read,
    )
    call = client._make_api_call  # noqa: SLF001

    async def limited(*arguments: Any) -> Any:
        # Credentials that are refreshed during the call count as well.
        async with asyncio.timeout(total_s):
            return await call(*arguments)

    client._make_api_call = limited  # noqa: SLF001


def _kept_alive(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    return made
