"""Signatures: what botocore signs is accepted, and nothing else."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from hybridsphere.host import sigv4
from hybridsphere.host.refusal import Refusal
from hybridsphere.host.sigv4 import Call, Signatures
from hybridsphere.keys import KeyPair

KEY = KeyPair("HSKEY", "a secret that is long enough")
PATH = "/2015-03-31/functions/name/invocations"
BODY = b'{"Records": []}'


def signed(
    path: str = PATH,
    body: bytes = BODY,
    *,
    key: KeyPair = KEY,
    service: str = "lambda",
    ago_s: float = 0,
    **headers: str,
) -> Call:
    """A call as botocore signs it."""
    sent = {"Host": "10.0.0.5:9000", "X-Amz-Invocation-Type": "RequestResponse", **headers}
    request = AWSRequest("POST", f"http://10.0.0.5:9000{path}", sent, body)
    auth = SigV4Auth(Credentials(key.id, key.secret), service, "eu-west-1")
    date = datetime.now(UTC) - timedelta(seconds=ago_s)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda **_: date, raising=False)
        auth.add_auth(request)
    raw, _, query = path.partition("?")
    received = {name.lower(): [value] for name, value in request.headers.items()}
    return Call("POST", raw, query, received)


def accept(call: Call, body: bytes = BODY, signatures: Signatures | None = None) -> None:
    signatures = signatures or Signatures([KEY])
    claim = signatures.claim(call)
    signatures.check(call, claim, body)
    signatures.note(claim)


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        f"{PATH}?Qualifier=live",
        f"{PATH}?b=2&a=1&a=0&empty=",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3An/invocations",
        "/2015-03-31//functions/./x/../name/invocations",
    ],
)
def test_a_call_that_botocore_signed_is_accepted(path: str) -> None:
    accept(signed(path))


@given(st.binary(max_size=200), st.text("abc xyz", min_size=1, max_size=20))
def test_any_body_and_header_can_be_signed(body: bytes, text: str) -> None:
    accept(signed(body=body, **{"X-Amz-Client-Context": f"  {text}  {text}"}), body)


def refused(call: Call, body: bytes = BODY) -> str:
    with pytest.raises(Refusal) as caught:
        accept(call, body)
    assert caught.value.status == 403
    return caught.value.code


def altered(call: Call, **headers: list[str]) -> Call:
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(call, headers={**call.headers, **changed})


def test_an_unsigned_call_is_refused() -> None:
    call = signed()
    headers = {name: value for name, value in call.headers.items() if name != "authorization"}
    assert refused(replace(call, headers=headers)) == "MissingAuthenticationTokenException"


def test_an_unknown_key_is_refused() -> None:
    call = signed(key=KeyPair("OTHER", KEY.secret))
    assert refused(call) == "UnrecognizedClientException"


def test_another_secret_is_refused() -> None:
    call = signed(key=KeyPair(KEY.id, "another secret, long enough"))
    assert refused(call) == "InvalidSignatureException"


def test_another_body_path_query_or_covered_header_is_refused() -> None:
    call = signed()
    assert refused(call, b"{}") == "InvalidSignatureException"
    for other in (
        replace(call, path=f"{PATH}x"),
        replace(call, query="Qualifier=2"),
        replace(call, method="PUT"),
        altered(call, x_amz_invocation_type=["Event"]),
        altered(call, host=["other:9000"]),
        altered(call, x_amz_content_sha256=["UNSIGNED-PAYLOAD"]),
    ):
        assert refused(other) == "InvalidSignatureException"


@pytest.mark.parametrize("ago_s", [sigv4.WINDOW_S + 2, -sigv4.WINDOW_S - 2])
def test_a_call_more_than_five_minutes_off_is_refused(ago_s: float) -> None:
    assert refused(signed(ago_s=ago_s)) == "InvalidSignatureException"


def test_a_call_within_five_minutes_is_accepted() -> None:
    accept(signed(ago_s=sigv4.WINDOW_S - 5))


def test_a_signature_for_another_service_is_refused() -> None:
    assert refused(signed(service="s3")) == "IncompleteSignatureException"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic YTpi",
        "AWS4-HMAC-SHA256",
        f"AWS4-HMAC-SHA256 Credential=HSKEY/x, SignedHeaders=host, Signature={'0' * 64}",
        "AWS4-HMAC-SHA256 Credential=HSKEY/20260101/r/lambda/aws4_request, Signature=é",
    ],
)
def test_a_broken_authorization_is_refused(authorization: str) -> None:
    refused(altered(signed(), authorization=[authorization]))


def test_a_header_that_comes_twice_is_refused() -> None:
    call = signed()
    for name in ("authorization", "x-amz-date"):
        twice = [*call.headers[name], *call.headers[name]]
        refused(replace(call, headers={**call.headers, name: twice}))


def test_a_replay_is_refused_and_a_repeated_call_is_not() -> None:
    signatures = Signatures([KEY])
    call = signed()
    claim = signatures.claim(call)
    signatures.note(claim)
    # At once it may be an honest repetition, which is to be signed again; later it is none.
    with pytest.raises(Refusal, match="sign it again") as refusal:
        signatures.note(claim)
    assert refusal.value.status == 429
    with pytest.raises(Refusal, match="before") as refusal:
        signatures.note(replace(claim, at=claim.at - sigv4.REPEATED_S))
    assert refusal.value.status == 403
    # A call that found no room did not run.
    signatures.forget(claim)
    signatures.note(claim)


def test_the_memory_of_signatures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sigv4, "MOST_REMEMBERED", 3)
    signatures = Signatures([KEY])
    claim = signatures.claim(signed())
    for number in range(10):
        signatures.note(replace(claim, signature=str(number)))
    assert len(signatures._seen) == 3
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 2 * sigv4.WINDOW_S + 1)
    signatures.note(claim)
    assert list(signatures._seen) == [claim.signature]
