"""AWS as the bridge sees it: three kinds of failure, and set-ups that cannot work."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from hybridsphere.aws import (
    Aws,
    AwsError,
    Fetched,
    FunctionError,
    Listed,
    Queue,
    ReceiptGone,
    Refused,
    Throttled,
    Unavailable,
    clients,
    connect,
    credentials,
)
from hybridsphere.aws.one_shot import client
from hybridsphere.errors import CannotRun, CannotRunNow, ConfigurationError
from hybridsphere.messages import LONGEST_TEXT
from tests.leaks import SECRET
from tests.samples import record
from tests.stage import PATIENCE_S

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/queue"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Service:
    """Answers every call alike, as AWS may when it is not well and moto never does."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: Any = {}
        self.hangs_up = False
        self.drips_s: float | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        await request.read()
        if self.hangs_up and request.transport:
            request.transport.close()
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        if self.drips_s is not None:
            return await self._drip(request, body, self.drips_s)
        return web.Response(
            status=self.status,
            headers=self.headers,
            body=body,
            content_type="application/x-amz-json-1.0",
        )

    async def _drip(self, request: web.Request, body: bytes, pause_s: float) -> web.StreamResponse:
        """Answer a byte at a time; none is late."""
        answer = web.StreamResponse(status=self.status, headers=self.headers)
        answer.content_length = len(body)
        await answer.prepare(request)
        for byte in body:
            await answer.write(bytes([byte]))
            await asyncio.sleep(pause_s)
        return answer


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield service
    await runner.cleanup()


@pytest.fixture
async def aws(service: Service) -> AsyncIterator[Aws]:
    async with connect(polls=1, invocations=1, invocation_type="RequestResponse") as aws:
        yield aws


@pytest.fixture
def queue(aws: Aws) -> Queue:
    return aws.queue(QUEUE)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (500, "InternalError", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
        (400, "RequestThrottled", Throttled),
        (400, "AWS.SimpleQueueService.OverLimit", Throttled),
        (403, "ThrottlingException", Throttled),
        (503, "SlowDown", Throttled),
        (400, "QueueDoesNotExist", Refused),
        (403, "AccessDeniedException", Refused),
    ],
)
async def test_an_answer_that_is_an_error_is_one_of_three(
    service: Service, queue: Queue, status: int, code: str, kind: type[AwsError]
) -> None:
    service.status = status
    service.body = {"__type": f"com.amazonaws.sqs#{code}", "message": "so it is"}
    with pytest.raises(AwsError, match=f"ReceiveMessage: .*{code}: so it is") as caught:
        await queue.receive(1, visibility_timeout_s=30)
    assert type(caught.value) is kind
    if isinstance(caught.value, Refused):
        assert caught.value.code == code
    # Trying again is for the bridge to decide.
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "TooManyRequestsException", Throttled),
        (502, "EC2ThrottledException", Unavailable),
        (404, "ResourceNotFoundException", Refused),
    ],
)
async def test_errors_of_lambda_are_the_same_three(
    service: Service, aws: Aws, status: int, code: str, kind: type[AwsError]
) -> None:
    service.status, service.headers = status, {"x-amzn-ErrorType": code}
    with pytest.raises(AwsError, match=f"Invoke: {code}") as caught:
        await aws.function("f", "Event").invoke(record())
    assert type(caught.value) is kind
    assert len(service.requests) == 1


async def test_a_page_as_an_answer_is_cut(service: Service, queue: Queue) -> None:
    service.status, service.body = 403, b"<html>Denied " + b"x" * 7000
    with pytest.raises(AwsError, match=r"ReceiveMessage: .*<html>Denied") as caught:
        await queue.receive(1, visibility_timeout_s=30)
    assert len(str(caught.value)) <= LONGEST_TEXT


async def test_an_error_of_several_lines_becomes_one(aws: Aws) -> None:
    with pytest.raises(Refused, match="Parameter validation failed: Invalid bucket name"):
        await aws.bucket("no bucket").probe()


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_a_missing_answer_is_unavailable(
    service: Service, queue: Queue, hangs_up: bool
) -> None:
    service.hangs_up = hangs_up
    service.status, service.body = 502, b"<html>Bad Gateway"
    with pytest.raises(Unavailable, match="ReceiveMessage"):
        await queue.receive(1, visibility_timeout_s=30)
    assert len(service.requests) == 1


async def test_a_refused_connection_is_reported_without_certificates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    async with connect(polls=1, invocations=1, invocation_type="Event") as aws:
        with pytest.raises(Unavailable) as failed:
            await aws.queue(f"http://127.0.0.1:{port}/1/queue").receive(1, visibility_timeout_s=30)
    assert f"Cannot connect to host 127.0.0.1:{port} [" in str(failed.value)


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"Messages": [{}]}', b'{"Messages": 5}'])
async def test_an_answer_of_another_form_is_unavailable(
    service: Service, queue: Queue, body: bytes
) -> None:
    service.body = body
    with pytest.raises(Unavailable, match="no answer of AWS"):
        await queue.receive(1, visibility_timeout_s=30)


@pytest.mark.parametrize("body", [b"null", b"[]", b'"Service Unavailable"', b'{"__type": 5}'])
async def test_an_error_of_another_form_is_unavailable(
    service: Service, queue: Queue, body: bytes
) -> None:
    service.status, service.body = 503, body
    with pytest.raises(Unavailable, match="ReceiveMessage"):
        await queue.receive(1, visibility_timeout_s=30)


@pytest.mark.parametrize("kind", ["Event", "RequestResponse"])
@pytest.mark.parametrize("body", [b"<html>Welcome", b""])
async def test_a_page_in_place_of_lambda_accepts_no_event(
    service: Service, aws: Aws, kind: str, body: bytes
) -> None:
    service.body = body
    with pytest.raises(Unavailable, match="no answer of AWS"):
        await aws.function("f", kind).invoke(record())


async def test_an_event_is_accepted_by_the_one_status_that_says_so(
    service: Service, aws: Aws
) -> None:
    with pytest.raises(Unavailable, match="HTTP 200"):
        await aws.function("f", "Event").invoke(record())
    service.status, service.body = 202, b""
    assert await aws.function("f", "Event").invoke(record()) is None


LISTED = Listed("a.csv", "e1", "2026-11-21T00:00:00.000Z", size=6)


async def listing(aws: Aws) -> None:
    async for _ in aws.bucket("output").pages():
        pass


CALLS: dict[str, Callable[[Aws], Awaitable[object]]] = {
    "ReceiveMessage": lambda aws: aws.queue(QUEUE).receive(1, visibility_timeout_s=30),
    "DeleteMessageBatch": lambda aws: aws.queue(QUEUE).delete(["a"]),
    "ChangeMessageVisibilityBatch": lambda aws: aws.queue(QUEUE).change_visibility(["a"], 0),
    "SendMessage": lambda aws: aws.queue(QUEUE).send("body", {"reason": "none"}),
    "SendMessage of nothing": lambda aws: aws.queue(QUEUE).probe_sending(),
    "GetQueueAttributes": lambda aws: aws.queue(QUEUE).attributes(),
    "ListObjectsV2": listing,
    "ListObjectsV2 of one": lambda aws: aws.bucket("output").probe(),
    "GetObject": lambda aws: aws.bucket("output").get(LISTED),
    "Invoke as Event": lambda aws: aws.function("f", "Event").invoke(record()),
    "Invoke": lambda aws: aws.function("f", "RequestResponse").invoke(record()),
    "Invoke (DryRun)": lambda aws: aws.function("f", "Event").probe(),
}
"""Every call of this package, by its AWS name."""

ODD: list[tuple[int, object]] = [
    (503, "upstream connect error"),
    (503, None),
    (503, {"__type": 5, "Error": []}),
    (200, None),
    (200, []),
    (200, {"Messages": 5, "Successful": 5, "Failed": "x", "Attributes": 7, "MessageId": None}),
    (200, b"<html>Welcome</html>"),
    (200, b"<html>Wel"),
    (200, b""),
    (200, b"<L><IsTruncated>true</IsTruncated></L>"),
    (200, b"<L><IsTruncated>false</IsTruncated><Contents/></L>"),
    # botocore decodes URL-encoded names, also a missing one.
    (200, b"<L><EncodingType>url</EncodingType><Contents><ETag>e</ETag></Contents></L>"),
    (200, b"<L><Contents><Key>a</Key><LastModified>soon</LastModified></Contents></L>"),
]
"""Answers that proxies may give."""


@pytest.mark.parametrize("call", CALLS)
async def test_any_other_answer_to_a_call_is_unavailable(
    service: Service, aws: Aws, call: str
) -> None:
    odd = [one for one in ODD if (call, one[1]) != ("ReceiveMessage", b"")]
    for service.status, service.body in odd:
        with pytest.raises(Unavailable) as failed:
            await CALLS[call](aws)
        assert str(failed.value).startswith(call.partition(" ")[0])
    assert len(service.requests) == len(odd)


ANSWER = {
    "bucket": record().bucket,
    "key": record().key,
    "etag": record().etag,
    "sequencer": record().sequencer,
    "event_time": record().event_time,
    "status": "matched",
    "reason": None,
}


async def test_a_synchronous_answer_counts_if_it_names_the_upload(
    service: Service, aws: Aws
) -> None:
    service.body = {"videos": [{**ANSWER, "key": "other.mp4"}, ANSWER]}
    assert await aws.function("f", "RequestResponse").invoke(record()) is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        [],
        "matched",
        {"__type": "ServiceException"},
        {"videos": None},
        {"videos": []},
        {"videos": [None]},
        {"videos": [{}]},
        {"videos": [{**ANSWER, "bucket": "other-bucket"}]},
        {"videos": [{**ANSWER, "key": "other.mp4"}]},
        {"videos": [{**ANSWER, "etag": "e2"}]},
        {"videos": [{**ANSWER, "sequencer": "02"}]},
        {"videos": [{**ANSWER, "sequencer": None}]},
    ],
)
async def test_a_synchronous_answer_that_names_another_upload_is_unavailable(
    service: Service, aws: Aws, body: object
) -> None:
    service.body = body
    with pytest.raises(Unavailable, match="no answer of AWS"):
        await aws.function("f", "RequestResponse").invoke(record())


@pytest.mark.parametrize("etag", [None, "e2", "e1-2"])
async def test_an_object_counts_only_with_the_etag_listed(
    service: Service, aws: Aws, etag: str | None
) -> None:
    service.body, service.headers = b"name\r\n", {"x-amz-meta-key": "a"}
    bucket = aws.bucket("output")
    if etag:
        service.headers["ETag"] = f'"{etag}"'
    with pytest.raises(Unavailable, match="ETag"):
        await bucket.get(LISTED)
    for same in ('"e1"', "e1"):
        service.headers["ETag"] = same
        assert await bucket.get(LISTED) == Fetched({"key": "a"}, b"name\r\n", doubtful=False)


async def test_an_error_that_quotes_the_request_is_cut_before_it(
    service: Service, queue: Queue
) -> None:
    message = "The signature does not match.\nThe request was\nx-amz-security-token:secret"
    service.status = 403
    service.body = json.dumps({"__type": "InvalidSignatureException", "message": message}).encode()
    with pytest.raises(Refused) as caught:
        await queue.receive(1, visibility_timeout_s=30)
    assert str(caught.value).endswith("InvalidSignatureException: The signature does not match.")


async def test_an_answer_that_is_no_json_is_unavailable(service: Service, queue: Queue) -> None:
    service.body = b"<html>Welcome"
    for call in (queue.receive(1, visibility_timeout_s=30), queue.delete(["a"])):
        with pytest.raises(Unavailable, match="no answer of AWS"):
            await call


async def test_nothing_follows_where_an_answer_points(service: Service, queue: Queue) -> None:
    service.status, service.headers = 307, {"Location": "/elsewhere"}
    with pytest.raises(AwsError, match="ReceiveMessage: 307"):
        await queue.receive(1, visibility_timeout_s=30)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"errorType": "ValueError", "errorMessage": "x"}, FunctionError("ValueError", "x")),
        ({"errorMessage": "no type"}, FunctionError("Unhandled", '{"errorMessage": "no type"}')),
        (["what"], FunctionError("Unhandled", '["what"]')),
        (b"\xff" * 1000, FunctionError("Unhandled", "�" * 1000)),
        (
            {"errorType": "ClientError", "errorMessage": "It does not match.\n\nThe request was …"},
            FunctionError("ClientError", "It does not match."),
        ),
        (
            {"errorType": "T\nt", "errorMessage": "m" * 6_000_000},
            FunctionError("T", "m" * LONGEST_TEXT),
        ),
        ({"errorMessage": "first\nsecond"}, FunctionError("Unhandled", '{"errorMessage": "first')),
        (
            {"errorType": "E", "errorMessage": {"first": "line\nsecond"}},
            FunctionError("Unhandled", '{"errorType": "E", "errorMessage": {"first": "line'),
        ),
        (b"first\nsecond", FunctionError("Unhandled", "first")),
    ],
)
async def test_a_function_error_of_any_form_is_read(
    service: Service, aws: Aws, payload: object, error: FunctionError
) -> None:
    service.headers, service.body = {"X-Amz-Function-Error": "Unhandled"}, payload
    assert await aws.function("f", "RequestResponse").invoke(record()) == error


async def test_a_batch_says_what_became_of_each(service: Service, queue: Queue) -> None:
    service.body = {
        "Successful": [{"Id": "1"}],
        "Failed": [
            {"Id": "2", "Code": "InternalError", "SenderFault": False, "Message": "again"},
            {"Id": "0", "Code": "ReceiptHandleIsInvalid", "SenderFault": True},
            {"Id": "3", "Code": "AccessDenied", "SenderFault": True},
        ],
    }
    wanted = [ReceiptGone, type(None), Unavailable, Refused]
    for outcomes in (
        await queue.delete(["a", "b", "c", "d"]),
        await queue.change_visibility(["a", "b", "c", "d"], 30),
    ):
        assert [type(outcome) for outcome in outcomes] == wanted


@pytest.mark.parametrize("body", [{}, {"Messages": []}, {"Messages": None}, b""])
async def test_a_poll_without_messages_is_an_empty_one(
    service: Service, queue: Queue, body: object
) -> None:
    service.body = body
    assert await queue.receive(10, visibility_timeout_s=30) == []


PREFIX = "AWS.SimpleQueueService."


@pytest.mark.parametrize(
    "code",
    [
        "QueueDoesNotExist",
        "QueueDoesNotExistException",
        f"{PREFIX}QueueDoesNotExist",
        "NonExistentQueue",
        f"{PREFIX}NonExistentQueue",
        "com.amazonaws.sqs#QueueDoesNotExist",
    ],
)
@pytest.mark.parametrize("where", ["body", "header"])
async def test_a_queue_is_not_there_in_every_spelling_of_that(
    service: Service, queue: Queue, code: str, where: str
) -> None:
    service.status, service.body = 400, {"__type": "Other", "message": "x"}
    if where == "body":
        service.body = {"__type": code, "message": "x"}
    else:
        service.headers = {"x-amzn-query-error": f"{code};Sender"}
    for call in (queue.attributes(), queue.receive(1, visibility_timeout_s=30)):
        with pytest.raises(Refused) as failed:
            await call
        assert failed.value.not_there


@pytest.mark.parametrize(
    "code",
    [
        "ReceiptHandleIsInvalid",
        f"{PREFIX}ReceiptHandleIsInvalid",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "MessageNotInflight",
        f"{PREFIX}MessageNotInflight",
        "com.amazonaws.sqs#MessageNotInflight",
    ],
)
async def test_a_receipt_is_gone_in_every_spelling_of_that(
    service: Service, queue: Queue, code: str
) -> None:
    service.body = {"Failed": [{"Id": "0", "Code": code, "SenderFault": True}]}
    (outcome,) = await queue.delete(["a"])
    assert isinstance(outcome, ReceiptGone)
    assert outcome.code in {"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"}


QUERY = "http://queue.amazonaws.com/doc/2012-11-05/"
QUERY_ANSWERS = [
    (200, f'<ReceiveMessageResponse xmlns="{QUERY}"><ReceiveMessageResult/></X>'),
    (200, f'<?xml version="1.0"?>\n<GetQueueAttributesResponse xmlns="{QUERY}"/>'),
    (400, "<ErrorResponse><Error><Code>MissingAction</Code></Error></ErrorResponse>"),
    (404, '<?xml version="1.0" encoding="UTF-8"?><ErrorResponse/>'),
    (500, "\n<ErrorResponse><Error><Code>InternalFailure</Code></Error></ErrorResponse>"),
]


@pytest.mark.parametrize(("status", "answer"), QUERY_ANSWERS)
async def test_a_server_of_the_query_protocol_alone_is_named_as_that(
    service: Service, queue: Queue, status: int, answer: str
) -> None:
    service.status, service.body = status, answer.encode()
    for call in (
        queue.attributes(),
        queue.receive(1, visibility_timeout_s=30),
        queue.delete(["a"]),
    ):
        with pytest.raises(Unavailable, match="speaks SQS's old query protocol only"):
            await call


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"AWS_REGION": None}, "AWS_REGION is not set"),
        ({"AWS_REGION": "not a region"}, "'not a region'"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "AWS_PROFILE"),
        ({"AWS_PROFILE": "nobody"}, "nobody"),
        ({"AWS_ENDPOINT_URL": "somewhere"}, "AWS_ENDPOINT_URL.*somewhere"),
        ({"AWS_ENDPOINT_URL": "http://["}, "AWS_ENDPOINT_URL"),
        ({"AWS_CONFIG_FILE": "{broken}"}, "AWS_CONFIG_FILE.*broken"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
async def test_an_unusable_set_up_is_a_configuration_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: dict[str, str | None], says: str
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("[profile default\n")
    for name, value in change.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value.format(broken=broken))
    with pytest.raises(ConfigurationError, match=says) as caught:
        async with connect(polls=1, invocations=1, invocation_type="Event"):
            pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("profile", "says", "kind"),
    [
        ("proc", "credential_process of the profile proc cannot be started", ConfigurationError),
        ("mfa", "MFA code.*AWS_PROFILE", ConfigurationError),
        ("chained", "MFA code.*AWS_PROFILE", ConfigurationError),
        ("odd", "no AWS credentials at the moment", CannotRunNow),
        ("circle", "AWS", CannotRun),
    ],
)
@pytest.mark.parametrize("tool", [True, False], ids=["tool", "bridge"])
async def test_a_failing_source_of_credentials_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    profile: str,
    says: str,
    kind: type[CannotRun],
    tool: bool,
) -> None:
    config = tmp_path / "config"
    config.write_text(PROFILES)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", profile)
    made = client("s3") if tool else connect(polls=1, invocations=1, invocation_type="Event")
    with pytest.raises(kind, match=says) as caught:
        async with made:
            pass
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code in (1, 2)


async def test_a_source_of_credentials_that_drips_in_ends_the_start_in_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.body, service.drips_s = b"x" * 1000, 0.05
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setattr(credentials, "FOUND_WITHIN_S", 0.3)
    with pytest.raises(CannotRunNow, match=r"has not answered within 0\.3 s"):
        async with connect(polls=1, invocations=1, invocation_type="Event"):
            pass


PROFILES = """
[profile proc]
credential_process = /nowhere/creds
[profile odd]
credential_process = echo
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/u
[profile chained]
role_arn = arn:aws:iam::123456789012:role/b
source_profile = mfa
[profile circle]
role_arn = arn:aws:iam::123456789012:role/b
source_profile = other
[profile other]
role_arn = arn:aws:iam::123456789012:role/b
source_profile = circle
[profile base]
aws_access_key_id = local
aws_secret_access_key = local
"""


@pytest.mark.parametrize("call", ["ReceiveMessage", "ListObjectsV2", "GetObject", "Invoke"])
async def test_an_answer_that_drips_in_ends_after_the_total_time(
    service: Service, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(clients, "CONNECTED_WITHIN_S", 0.3)
    monkeypatch.setattr(clients, "READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr(clients, "LONGEST_INVOCATION_S", -9.8)
    service.headers, service.body, service.drips_s = {"ETag": '"e1"'}, b"x" * 1000, 0.05
    async with connect(polls=1, invocations=1, invocation_type="RequestResponse") as aws:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(Unavailable):
                await CALLS[call](aws)
    assert len(service.requests) == 1


@pytest.mark.parametrize("address", ["me:hunter2@host", "http://me:hunter2@the host"])
async def test_an_error_about_an_unusable_endpoint_hides_its_password(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    with pytest.raises(ConfigurationError, match=r"AWS_ENDPOINT_URL.*…@") as caught:
        async with connect(polls=1, invocations=1, invocation_type="Event"):
            pass
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://me:hunter2@127.0.0.1:1", "http://hunter2@127.0.0.1:99999"]
)
async def test_a_failed_call_to_a_url_with_a_password_hides_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    async with connect(polls=1, invocations=1, invocation_type="Event") as aws:
        queue = aws.queue(QUEUE)
        for call in (
            partial(queue.receive, 1, visibility_timeout_s=30),
            partial(queue.change_visibility, ["a"], 0),
            aws.bucket("input-bucket-video").probe,
        ):
            with pytest.raises(AwsError) as failed:
                await call()
            assert "hunter2" not in str(failed.value)


def test_the_room_that_knows_aws_needs_nothing_of_the_settings() -> None:
    check = (
        "import sys, hybridsphere.aws, hybridsphere.aws.one_shot;"
        "print('hybridsphere.settings' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", check], check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "False"
