"""The calls that every message needs, from here straight to the socket.

aiobotocore builds each request anew: endpoint, parameters, user agent, event hooks. Here it builds
one of a kind, and that is kept: from call to call only the body, the date and the signature differ.
Credentials, endpoints, proxies and connections are those of its client all the same.
"""

import hmac
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from time import gmtime, strftime
from typing import Any

from botocore import xform_name
from botocore.auth import EMPTY_SHA256_HASH, SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from multidict import CIMultiDict, istr
from yarl import URL

from hybridsphere.aws.failures import refusal

_DATE, _AUTHORIZATION = istr("X-Amz-Date"), istr("Authorization")


class Call:
    """An operation of a client; the parameters are those that do not travel in the body.

    Raises what the client would, or aiohttp's own error where no answer came. Sends nothing twice.
    """

    def __init__(self, client: Any, operation: str, **parameters: Any) -> None:
        self._client = client
        self._operation = operation
        self._parameters = parameters
        self._request: _Request | None = None

    async def __call__(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers (their names in any case) and content of the answer."""
        request = self._request = self._request or _Request(self._client, **await self._build())
        session, headers = await request.session(), await request.headers(body)
        async with session.post(
            request.url, data=body, headers=headers, **request.options
        ) as answer:
            content = await answer.read()
            if answer.status >= 300:
                protocol = self._client.meta.service_model.resolved_protocol
                raise refusal(self._operation, protocol, answer.status, answer.headers, content)
            return answer.status, answer.headers, content

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
        # Their limit, time-outs, certificates and proxy come with them; no public way leads there.
        http = client._endpoint.http_session  # noqa: SLF001
        proxies = http._proxy_config  # noqa: SLF001
        proxy = proxies.proxy_url_for(request.url)
        headers = proxies.proxy_headers_for(request.url) if proxy else None
        self.session = partial(http._get_session, proxy)  # noqa: SLF001
        self.options = {"proxy": proxy, "proxy_headers": headers, "allow_redirects": False}
        self.url = URL(request.url, encoded=True)
        self._built = request
        self._signer = request_signer
        # What an endpoint asks for goes before what its service does.
        asked = request.context.get("signing", {})
        self._scheme = {
            "signing_name": asked.get("signing_name", building["signing_name"]),
            "region_name": asked.get("region", building["region_name"]),
            "signature_version": building["signature_version"],
        }
        self._form: _Form | None = None

    async def headers(self, body: bytes) -> CIMultiDict[str]:
        """Signed for this body, with the credentials of this moment."""
        auth = await self._signer.get_auth_instance(**self._scheme)
        stamp = strftime(SIGV4_TIMESTAMP, gmtime())
        if self._form is None or not self._form.holds(auth, stamp):
            self._form = _Form(self._built, auth, stamp)
        return self._form.headers(body, stamp)


class _Form:
    """Signature Version 4 with gaps for date and body; good for a set of credentials and a day.

    The canonical form is botocore's (AWS documentation, "Create a signed AWS API request").
    """

    def __init__(self, built: AWSRequest, auth: SigV4Auth, stamp: str) -> None:
        if auth.credentials is None:
            raise NoCredentialsError
        request = AWSRequest(built.method, built.url, built.headers)
        request.context["timestamp"] = request.headers["X-Amz-Date"] = stamp
        if auth.credentials.token:
            request.headers["X-Amz-Security-Token"] = auth.credentials.token
        canonical = auth.canonical_request(request).removesuffix(EMPTY_SHA256_HASH)
        signed = auth.signed_headers(auth.headers_to_sign(request))
        self._credentials = auth.credentials
        request.headers["Accept-Encoding"] = "identity"
        # Names that know their lower case: aiohttp looks at each four times.
        self._headers = CIMultiDict({istr(name): value for name, value in request.headers.items()})
        self._before_date, self._after_date = canonical.split(stamp)
        self._scope = auth.credential_scope(request)
        self._prefix = f"Credential={auth.scope(request)}, SignedHeaders={signed}, Signature="
        key = f"AWS4{auth.credentials.secret_key}".encode()
        for part in self._scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        # Keyed once: each signature goes on from a copy.
        self._keyed = hmac.new(key, digestmod=sha256)

    def holds(self, auth: SigV4Auth, stamp: str) -> bool:
        return bool(auth.credentials == self._credentials) and self._scope.startswith(stamp[:8])

    def headers(self, body: bytes, stamp: str) -> CIMultiDict[str]:
        canonical = f"{self._before_date}{stamp}{self._after_date}{sha256(body).hexdigest()}"
        digest = sha256(canonical.encode()).hexdigest()
        signature = self._keyed.copy()
        signature.update(f"AWS4-HMAC-SHA256\n{stamp}\n{self._scope}\n{digest}".encode())
        authorization = f"AWS4-HMAC-SHA256 {self._prefix}{signature.hexdigest()}"
        headers = self._headers.copy()
        headers[_DATE], headers[_AUTHORIZATION] = stamp, authorization
        return headers
