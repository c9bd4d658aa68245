"""The head of a request to AWS, signed."""

import hmac
from hashlib import sha256

from aiohttp import ClientRequest
from botocore.auth import EMPTY_SHA256_HASH, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError


class SignedHead:
    """The head of a request, with gaps for date, signature and length.

    It is valid for one set of credentials and one day. The canonical form is botocore's (AWS
    documentation, "Create a signed AWS API request").
    """

    def __init__(self, http: ClientRequest, built: AWSRequest, auth: SigV4Auth, date: str) -> None:
        if auth.credentials is None:
            raise NoCredentialsError
        token = {"X-Amz-Security-Token": auth.credentials.token} if auth.credentials.token else {}
        request = AWSRequest(built.method, built.url, {**built.headers, **token})
        request.context["timestamp"] = request.headers["X-Amz-Date"] = date
        canonical = auth.canonical_request(request).removesuffix(EMPTY_SHA256_HASH)
        self._before_date, self._after_date = canonical.split(date)
        self._credentials = auth.credentials
        self._scope = auth.credential_scope(request)
        target = http.url if http.proxy and not http.is_ssl() else http.url.raw_path_qs
        signed = auth.signed_headers(auth.headers_to_sign(request))
        proof = f"Credential={auth.scope(request)}, SignedHeaders={signed}, Signature="
        headers = {**http.headers, **token, "Authorization": f"AWS4-HMAC-SHA256 {proof}"}
        headers.pop("Content-Length", None)
        self._start = "\r\n".join(
            [f"{http.method} {target} HTTP/1.1", *(": ".join(header) for header in headers.items())]
        )
        if len(self._start.splitlines()) != len(headers) + 1:
            raise ValueError("a credential has a line break in it")
        key = f"AWS4{auth.credentials.secret_key}".encode()
        for part in self._scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._key = key

    def holds(self, auth: SigV4Auth, date: str) -> bool:
        """Return whether the head is still valid for these credentials and this date."""
        return bool(auth.credentials == self._credentials) and self._scope.startswith(date[:8])

    def of(self, body: bytes, date: str) -> bytes:
        """Return the head of a request with this body, signed."""
        canonical = f"{self._before_date}{date}{self._after_date}{sha256(body).hexdigest()}"
        digest = sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{date}\n{self._scope}\n{digest}"
        signature = hmac.digest(self._key, text.encode(), "sha256").hex()
        return (
            f"{self._start}{signature}\r\nX-Amz-Date: {date}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
