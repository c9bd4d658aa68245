"""Signatures of calls, as AWS checks them (AWS documentation, "Signature Version 4").

A call must be signed for the service `lambda`, within five minutes, with a known key, and cover its
method, path, query, host, date and body.
"""

import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from posixpath import normpath
from urllib.parse import quote

from hybridsphere.host.refusal import Refusal
from hybridsphere.keys import KeyPair

WINDOW_S = 300
"""How far a call's date may be from the host's clock, in either direction."""

REPEATED_S = 2.0
"""How long after its date a call that comes again may be an honest repetition."""

MOST_REMEMBERED = 100_000
"""Signatures kept against replays: 10 MB, and 160 videos a second for a window's two sides."""

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]+)/(?P<scope>[^,\s]+), *"
    r"SignedHeaders=(?P<headers>[a-z0-9;._-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_SCOPE = re.compile(r"(?P<day>\d{8})/[A-Za-z0-9-]+/(?P<service>[a-z0-9-]+)/aws4_request")
_DATE = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Call:
    """The signed parts of a call besides the body; header names are in lower case."""

    method: str
    path: str
    """Percent-encoded, as it arrived."""
    query: str
    headers: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Claim:
    """The `Authorization` of a call, unproved."""

    key: str
    scope: str
    headers: tuple[str, ...]
    signature: str
    date: str
    at: float


class Signatures:
    """The check of every call's signature against the known keys."""

    def __init__(self, keys: Sequence[KeyPair]) -> None:
        self._secrets = {pair.id: pair.secret for pair in keys}
        self._seen: OrderedDict[str, float] = OrderedDict()

    def claim(self, call: Call) -> Claim:
        """Read what a call claims, before its body is. Raises Refusal unless it may be true."""
        found = _AUTHORIZATION.fullmatch(_one(call, "authorization"))
        if found is None:
            raise Refusal(403, "MissingAuthenticationTokenException", "The call is not signed.")
        scope = _SCOPE.fullmatch(found["scope"])
        headers = tuple(found["headers"].split(";"))
        date = _one(call, "x-amz-date")
        at = _time_of(date)
        if scope is None or scope["service"] != "lambda" or at is None:
            raise _incomplete("Credential or X-Amz-Date is not in the form of AWS's.")
        if scope["day"] != date[:8] or not {"host", "x-amz-date"} <= set(headers):
            raise _incomplete("The signature must cover Host and X-Amz-Date, of one day.")
        if abs(time.time() - at) > WINDOW_S:
            raise Refusal(403, "InvalidSignatureException", f"Signature expired: {date}")
        if found["key"] not in self._secrets:
            raise Refusal(
                403, "UnrecognizedClientException", "The security token included is invalid."
            )
        return Claim(found["key"], found["scope"], headers, found["signature"], date, at)

    def check(self, call: Call, claim: Claim, body: bytes) -> None:
        """Raise Refusal unless the claim's signature is that of the call and its body."""
        told = _one(call, "x-amz-content-sha256")
        digest = sha256(body).hexdigest()
        # A caller may leave the body out of the signature on other services, never here.
        if told and not hmac.compare_digest(told.encode(), digest.encode()):
            raise _wrong()
        text = f"AWS4-HMAC-SHA256\n{claim.date}\n{claim.scope}\n{_canonical(call, claim, digest)}"
        key = f"AWS4{self._secrets[claim.key]}".encode()
        for part in claim.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        right = hmac.digest(key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(right, claim.signature):
            raise _wrong()

    def note(self, claim: Claim) -> None:
        """Remember the signature of a call that is about to run. Raises Refusal for a replay."""
        now = time.time()
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
        if claim.signature in self._seen:
            if now < claim.at + REPEATED_S:
                # An honest repetition within its second has the same signature; clients sign the
                # next one anew.
                raise Refusal(
                    429,
                    "TooManyRequestsException",
                    "The same call was made within this second: sign it again.",
                    Reason="CallerRateLimitExceeded",
                )
            raise Refusal(403, "InvalidSignatureException", "The call was made before.")
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.popitem(last=False)
        # A date ahead of the clock stays valid longer.
        self._seen[claim.signature] = now + 2 * WINDOW_S

    def forget(self, claim: Claim) -> None:
        """Forget a call that did not run: its caller may repeat it within the second."""
        self._seen.pop(claim.signature, None)


def _canonical(call: Call, claim: Claim, digest: str) -> str:
    """Return the hash of the canonical request."""
    lines = [
        call.method,
        quote(_normal(call.path), safe="/~"),
        _query(call.query),
        *(f"{name}:{_value(call, name)}" for name in claim.headers),
        "",
        ";".join(claim.headers),
        digest,
    ]
    return sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _query(query: str) -> str:
    pairs = sorted(part.partition("=")[::2] for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _normal(path: str) -> str:
    normal = normpath(path) if path else "/"
    return f"{normal}/" if path.endswith("/") and normal != "/" else normal.replace("//", "/")


def _value(call: Call, name: str) -> str:
    return ",".join(" ".join(value.split()) for value in call.headers.get(name, ()))


def _one(call: Call, name: str) -> str:
    """Return a header that comes once; empty if it is missing or comes twice."""
    values = call.headers.get(name, ())
    return values[0] if len(values) == 1 else ""


def _time_of(date: str) -> float | None:
    try:
        return datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _incomplete(message: str) -> Refusal:
    return Refusal(403, "IncompleteSignatureException", message)


def _wrong() -> Refusal:
    return Refusal(
        403,
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided.",
    )
