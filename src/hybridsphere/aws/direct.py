"""The calls that every message needs, without aiobotocore's work for each of them.

aiobotocore builds each request from nothing, and aiohttp takes it apart again. Here a client builds
one request of a kind, which is kept: from call to call only body, date and signature differ.
Credentials, endpoints, proxies, connections and time-outs stay those of the client.

No documented way leads to some of these, so aiobotocore and aiohttp are pinned, and a test compares
the bytes on the wire.
"""

import asyncio
from functools import partial
from time import gmtime, strftime
from typing import Any, cast

from aiohttp import ClientConnectionError, ClientRequest, ClientSession
from botocore import xform_name
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from yarl import URL

from hybridsphere.aws.answers import Answer, AnswerReader
from hybridsphere.aws.errors import readable, refusal
from hybridsphere.aws.signing import SignedHead


class Call:
    """An operation of a client; the parameters are those outside the body.

    Raises the errors that the client would, or aiohttp's where no answer came. Never sends twice.
    """

    def __init__(self, client: Any, operation: str, **parameters: Any) -> None:
        self._client = client
        self._operation = operation
        self._parameters = parameters
        self._request: _Request | None = None

    async def __call__(self, body: bytes, *, within_s: float | None = None) -> Answer:
        """Return the answer.

        Raises TimeoutError if the whole answer has not come within `within_s`, by default within
        the client's total time. Single bytes of an answer extend neither.
        """
        total_s = self._client._endpoint.http_session._timeout.total  # noqa: SLF001
        limit_s = total_s if within_s is None else within_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                status, headers, content = await self._send(body, limit_s)
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimeoutError(f"no answer within {limit_s:g} s") from None
        if status >= 300:
            protocol = self._client.meta.service_model.resolved_protocol
            raise refusal(self._operation, protocol, status, headers, content)
        return status, headers, content

    async def _send(self, body: bytes, limit_s: float | None) -> Answer:
        request = self._request = self._request or _Request(self._client, **await self._build())
        return await request.send(body, limit_s)

    async def _build(self) -> dict[str, Any]:
        """Return the request that the client would sign and send, and how it would sign."""
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
    """An exit from a client that is about to sign a request, with the arguments of its hook."""


class _Request:
    """A request built by a client, sent on the client's own connections."""

    def __init__(
        self, client: Any, request: AWSRequest, request_signer: Any, **building: Any
    ) -> None:
        # A client signs no request without them; only an empty request lacks them.
        method, url = cast(str, request.method), cast(str, request.url)
        # Connection limit, certificates and proxy come with these private parts.
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
        # An endpoint's demands take precedence over its service's.
        asked = request.context.get("signing", {})
        self._auth = partial(
            request_signer.get_auth_instance,
            signing_name=asked.get("signing_name", building["signing_name"]),
            region_name=asked.get("region", building["region_name"]),
            signature_version=building["signature_version"],
        )
        self._head: SignedHead | None = None

    async def send(self, body: bytes, limit_s: float | None) -> Answer:
        """Send a request with this body, whose caller waits `limit_s` for the answer."""
        session = await self._session()
        with readable():
            # This may fetch new credentials, through another client.
            auth = await self._auth()
        connection = await self._connect(session)
        read_s = session.timeout.sock_read
        try:
            # No await before the write: the connection could be lost meanwhile.
            protocol = connection.protocol
            # A shorter limit on the whole answer ends a silence too.
            silent = limit_s is not None and read_s is not None and limit_s <= read_s
            reader = AnswerReader(protocol, None if silent else read_s)
            protocol.transport.write(self._head_of(body, auth) + body)
            answer = await reader.read()
        except BaseException:
            # The rest of the answer would be taken for the next call's.
            connection.close()
            raise
        connection.release()
        return answer

    async def _connect(self, session: ClientSession) -> Any:
        connector: Any = session.connector
        connection = await connector.connect(self._http, [], session.timeout)
        if connection.protocol.should_close:
            # An answer without a request would be taken for the next call's.
            connection.close()
            raise ClientConnectionError("a connection held an answer before the request")
        return connection

    def _head_of(self, body: bytes, auth: SigV4Auth) -> bytes:
        date = strftime(SIGV4_TIMESTAMP, gmtime())
        if self._head is None or not self._head.holds(auth, date):
            self._head = SignedHead(self._http, self._built, auth, date)
        return self._head.of(body, date)
