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
        # HMAC (RFC 2104) by its two digests: OpenSSL looks the algorithm up for each `hmac.digest`.
        padded = key.ljust(64, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))

    def holds(self, auth: SigV4Auth, date: str) -> bool:
        """Return whether the head is still valid for these credentials and this date."""
        return bool(auth.credentials == self._credentials) and self.is_of(date)

    def is_of(self, date: str) -> bool:
        """Return whether the head is valid on the day of this date."""
        return self._scope.startswith(date[:8])

    def of(self, body: bytes, date: str) -> bytes:
        """Return the head of a request with this body, signed."""
        canonical = f"{self._before_date}{date}{self._after_date}{sha256(body).hexdigest()}"
        digest = sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{date}\n{self._scope}\n{digest}"
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return (
            f"{self._start}{outer.hexdigest()}\r\nX-Amz-Date: {date}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
