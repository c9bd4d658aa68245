"""The calls that every message needs, from here straight to the socket.

aiobotocore builds each request anew, and aiohttp takes it apart again. Here a client builds one of
a kind, and that is kept: from call to call only the body, the date and the signature differ.
Credentials, endpoints, proxies, connections and time-outs are those of its client all the same.

Where no documented way leads to them, their names are aiobotocore's and aiohttp's own, so both are
pinned, and a test compares what goes over the wire.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from time import gmtime, strftime
from typing import Any, cast

from aiohttp import ClientConnectionError, ClientRequest, ClientSession
from botocore import xform_name
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from yarl import URL

from hybridsphere.aws.errors import readable, refusal
from hybridsphere.aws.signing import SignedHead


class Call:
    """An operation of a client; the parameters are those that do not travel in the body.

    Raises what the client would, or aiohttp's own error where no answer came. Sends nothing twice.
    """

    def __init__(self, client: Any, operation: str, **parameters: Any) -> None:
        self._client = client
        self._operation = operation
        self._parameters = parameters
        self._request: _Request | None = None

    async def __call__(
        self, body: bytes, *, within_s: float | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers (their names in any case) and content of the answer.

        TimeoutError if it has not come within `within_s`, or else within the client's own time.
        """
        try:
            async with asyncio.timeout(within_s):
                status, headers, content = await self._send(body)
        except TimeoutError:
            if within_s is None:
                raise
            raise TimeoutError(f"no answer within {within_s:g} s") from None
        if status >= 300:
            protocol = self._client.meta.service_model.resolved_protocol
            raise refusal(self._operation, protocol, status, headers, content)
        return status, headers, content

    async def _send(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        request = self._request = self._request or _Request(self._client, **await self._build())
        return await request.send(body)

    async def _build(self) -> dict[str, Any]:
        """What the client would sign and send, and how."""
        meta = self._client.meta
        event = f"before-sign.{meta.service_model.service_id.hyphenize()}.{self._operation}"

        def stop(**building: Any) -> None:
            raise _Built(building)

        meta.events.register_first(event, stop)
        try:
            await getattr(self._client, xform_name(self._operation))(**self._parameters)
        except _Built as built:
            return dict(built.args[0])
        finally:
            meta.events.unregister(event, stop)
        raise AssertionError(f"{self._operation} was sent unsigned")


class _Built(Exception):
    """Thrown out of a client that was about to sign a request, with what its hook was told."""


class _Request:
    """A request as a client built it, on the client's own connections."""

    def __init__(
        self, client: Any, request: AWSRequest, request_signer: Any, **building: Any
    ) -> None:
        # A client signs no request without them; an empty one has neither.
        method, url = cast(str, request.method), cast(str, request.url)
        # Their limit, time-outs, certificates and proxy come with them; no public way leads there.
        http = client._endpoint.http_session  # noqa: SLF001
        proxy = http._proxy_config.proxy_url_for(url)  # noqa: SLF001
        self._session = partial(http._get_session, proxy)  # noqa: SLF001
        self._http = ClientRequest(
            method,
            URL(url, encoded=True),
            headers={**request.headers, "Accept-Encoding": "identity"},
            skip_auto_headers=["Content-Type"],
            proxy=URL(proxy) if proxy else None,
            proxy_headers=http._proxy_config.proxy_headers_for(url),  # noqa: SLF001
            loop=asyncio.get_running_loop(),
        )
        self._built = request
        # What an endpoint asks for goes before what its service does.
        asked = request.context.get("signing", {})
        self._auth = partial(
            request_signer.get_auth_instance,
            signing_name=asked.get("signing_name", building["signing_name"]),
            region_name=asked.get("region", building["region_name"]),
            signature_version=building["signature_version"],
        )
        self._head: SignedHead | None = None

    async def send(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        session = await self._session()
        with readable():
            # New credentials may be called for here, by a client of their own.
            auth = await self._auth()
        connection = await self._connect(session)
        try:
            # Up to the write nothing is awaited: the connection could be lost meanwhile.
            protocol = connection.protocol
            protocol.set_response_params(
                read_until_eof=True, auto_decompress=False, read_timeout=session.timeout.sock_read
            )
            protocol.transport.write(self._head_of(body, auth) + body)
            protocol.start_timeout()
            message, payload = await protocol.read()
            while message.code < 200:
                # A provisional answer has ended the time-out.
                protocol.start_timeout()
                message, payload = await protocol.read()
            content = await payload.read()
        except BaseException:
            # What is still to come on it would be taken for another's answer.
            connection.close()
            raise
        connection.release()
        return message.code, message.headers, content

    async def _connect(self, session: ClientSession) -> Any:
        connector: Any = session.connector
        connection = await connector.connect(self._http, [], session.timeout)
        if connection.protocol.should_close:
            # An answer that nobody asked for would be taken for the one to come.
            connection.close()
            raise ClientConnectionError("a connection held an answer before the request")
        return connection

    def _head_of(self, body: bytes, auth: SigV4Auth) -> bytes:
        date = strftime(SIGV4_TIMESTAMP, gmtime())
        if self._head is None or not self._head.holds(auth, date):
            self._head = SignedHead(self._http, self._built, auth, date)
        return self._head.of(body, date)
