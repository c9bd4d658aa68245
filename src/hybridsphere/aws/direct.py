"""The calls that every message needs, without aiobotocore's work for each of them.

aiobotocore builds each request from nothing, and aiohttp takes it apart again. Here a client builds
one request of a kind, which is kept: from call to call only body, date and signature differ.
Credentials, endpoints, proxies, connections and time-outs stay those of the client.

No documented way leads to some of these, so aiobotocore and aiohttp are pinned, and a test compares
the bytes on the wire.
"""

import asyncio
from functools import partial
from time import gmtime, strftime, time
from typing import Any, NamedTuple, cast

from aiobotocore.credentials import AioCredentials
from aiohttp import ClientConnectionError, ClientRequest, ClientSession
from aiohttp.connector import Connection
from botocore import xform_name
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import RefreshableCredentials
from yarl import URL

from hybridsphere.aws.answers import Answer, AnswerReader
from hybridsphere.aws.deadlines import Deadlines
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
        # By their limits.
        self._deadlines: dict[float, Deadlines] = {}

    async def __call__(self, body: bytes, *, within_s: float | None = None) -> Answer:
        """Return the answer.

        Raises TimeoutError if the whole answer has not come within `within_s`, by default within
        the client's total time. Single bytes of an answer extend neither.
        """
        total_s = self._client._endpoint.http_session._timeout.total  # noqa: SLF001
        limit_s = total_s if within_s is None else within_s
        sent = self._request.send_at_once(body, limit_s) if self._request and limit_s else None
        if sent is None:
            answer = await self._send(body, limit_s)
        else:
            answer = await self._finish(sent, limit_s)
        if answer[0] >= 300:
            protocol = self._client.meta.service_model.resolved_protocol
            raise refusal(self._operation, protocol, *answer)
        return answer

    async def _finish(self, sent: "_Sent", limit_s: float) -> Answer:
        """Return the answer to a request that was sent at once."""
        deadlines = self._deadlines.get(limit_s)
        if deadlines is None:
            deadlines = self._deadlines[limit_s] = Deadlines(limit_s)
        deadlines.add(sent.reader)
        try:
            answer = await sent.reader.read()
        except BaseException:
            # The rest of the answer would be taken for the next call's.
            sent.connection.close()
            raise
        finally:
            deadlines.remove(sent.reader)
        sent.connection.release()
        return answer

    async def _send(self, body: bytes, limit_s: float | None) -> Answer:
        """Return the answer to a request that may have to be built, or to wait for a connection."""
        try:
            async with asyncio.timeout(limit_s) as limit:
                request = self._request
                request = self._request = request or _Request(self._client, **await self._build())
                return await request.send(body, limit_s)
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimeoutError(f"no answer within {limit_s:g} s") from None

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


class _Sent(NamedTuple):
    """A request that was sent on a connection, and the reader of its answer."""

    connection: Any
    reader: AnswerReader


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
        self._sessions = http._sessions  # noqa: SLF001
        self._open_session = partial(http._get_session, proxy)  # noqa: SLF001
        self._loop = asyncio.get_running_loop()
        self._http = ClientRequest(
            method,
            URL(url, encoded=True),
            headers={**request.headers, "Accept-Encoding": "identity"},
            skip_auto_headers=["Content-Type"],
            proxy=URL(proxy) if proxy else None,
            proxy_headers=http._proxy_config.proxy_headers_for(url),  # noqa: SLF001
            loop=self._loop,
        )
        self._place = self._http.connection_key
        self._built = request
        # An endpoint's demands take precedence over its service's.
        asked = request.context.get("signing", {})
        self._auth = partial(
            request_signer.get_auth_instance,
            signing_name=asked.get("signing_name", building["signing_name"]),
            region_name=asked.get("region", building["region_name"]),
            signature_version=building["signature_version"],
        )
        self._credentials: Any = request_signer._credentials  # noqa: SLF001
        # Those of the head, where they are refreshed.
        self._frozen: object = None
        self._head: SignedHead | None = None
        self._moment = (0, "")

    def send_at_once(self, body: bytes, limit_s: float) -> _Sent | None:
        """Send a request if nothing has to be awaited before; None if something has.

        Nearly every request goes this way, in a fraction of the time.
        """
        session = self._sessions.get(None)
        if session is None or self._http.proxy or not self._is_settled():
            return None
        head, date = self._head, self._date()
        if head is None or not head.is_of(date):
            return None
        connection = self._idle_connection(session.connector)
        return connection and self._write(connection, head.of(body, date) + body, session, limit_s)

    async def send(self, body: bytes, limit_s: float | None) -> Answer:
        """Send a request with this body, whose caller waits `limit_s` for the answer."""
        session = await self._open_session()
        with readable():
            # This may fetch new credentials, through another client.
            auth = await self._auth()
        frozen = getattr(self._credentials, "_frozen_credentials", None)
        connection = await self._connect(session)
        try:
            # No await before the write: the connection could be lost meanwhile.
            head = self._head_of(body, auth)
            # Another call may have fetched newer ones during the wait for the connection.
            self._frozen = frozen
            sent = self._write(connection, head + body, session, limit_s)
            answer = await sent.reader.read()
        except BaseException:
            # The rest of the answer would be taken for the next call's.
            connection.close()
            raise
        connection.release()
        return answer

    def _write(
        self, connection: Any, data: bytes, session: ClientSession, limit_s: float | None
    ) -> _Sent:
        read_s = session.timeout.sock_read
        # A shorter limit on the whole answer ends a silence too.
        silent = limit_s is not None and read_s is not None and limit_s <= read_s
        protocol = connection.protocol
        reader = AnswerReader(protocol, None if silent else read_s)
        protocol.transport.write(data)
        return _Sent(connection, reader)

    async def _connect(self, session: ClientSession) -> Any:
        connector: Any = session.connector
        connection = await connector.connect(self._http, [], session.timeout)
        if connection.protocol.should_close:
            # An answer without a request would be taken for the next call's.
            connection.close()
            raise ClientConnectionError("a connection held an answer before the request")
        return connection

    def _idle_connection(self, connector: Any) -> Connection | None:
        """Take an idle connection, as aiohttp's connector does; None if there is none."""
        idle = connector._conns.get(self._place)  # noqa: SLF001
        if not idle:
            return None
        protocol, since = idle[0]
        kept_s = connector._keepalive_timeout  # noqa: SLF001
        if (
            not protocol.is_connected()
            or protocol.should_close
            or (kept_s is not None and self._loop.time() - since > kept_s)
        ):
            # The connector finds out the same, and tidies up.
            return None
        idle.popleft()
        if not idle:
            del connector._conns[self._place]  # noqa: SLF001
        connector._acquired.add(protocol)  # noqa: SLF001
        return Connection(connector, self._place, protocol, self._loop)

    def _is_settled(self) -> bool:
        """Return whether the credentials of the head are those of the moment."""
        if isinstance(self._credentials, RefreshableCredentials):
            credentials: Any = self._credentials
            frozen = credentials._frozen_credentials  # noqa: SLF001
            return frozen is self._frozen and not credentials.refresh_needed()
        return type(self._credentials) is AioCredentials

    def _head_of(self, body: bytes, auth: SigV4Auth) -> bytes:
        date = self._date()
        if self._head is None or not self._head.holds(auth, date):
            self._head = SignedHead(self._http, self._built, auth, date)
        return self._head.of(body, date)

    def _date(self) -> str:
        """Return the moment as signatures have it."""
        second = int(time())
        if second != self._moment[0]:
            self._moment = second, strftime(SIGV4_TIMESTAMP, gmtime(second))
        return self._moment[1]
