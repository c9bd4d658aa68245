"""Calls and the three ways in which they fail."""

import asyncio
import json

import pytest

from hybridsphere.aws import (
    Aws,
    AwsError,
    Fetched,
    FunctionError,
    Queue,
    ReceiptGone,
    Refused,
    Throttled,
    Unavailable,
    clients,
    connect,
)
from hybridsphere.aws.bucket import READS
from hybridsphere.aws.queue import SENDS
from hybridsphere.messages import LONGEST_TEXT
from tests.aws.aws_stage import CALLS, LISTED, QUEUE, Service
from tests.samples import record
from tests.stage import PATIENCE_S


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
    (204, b""),
    (200, b"<L><IsTruncated>true</IsTruncated></L>"),
    (200, b"<L><IsTruncated>false</IsTruncated><Contents/></L>"),
    # botocore decodes URL-encoded names, also a missing one.
    (200, b"<L><EncodingType>url</EncodingType><Contents><ETag>e</ETag></Contents></L>"),
    (200, b"<L><Contents><Key>a</Key><LastModified>soon</LastModified></Contents></L>"),
]
"""Answers that proxies may give."""

EXPECTED = [("ReceiveMessage", 200, b""), ("Invoke (DryRun)", 204, b"")]
"""Answers among them that are right for a call."""


@pytest.mark.parametrize("call", CALLS)
async def test_any_other_answer_to_a_call_is_unavailable(
    service: Service, aws: Aws, call: str
) -> None:
    odd = [one for one in ODD if (call, *one) not in EXPECTED]
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


async def test_reads_that_wait_for_others_do_not_time_out(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "CONNECTED_WITHIN_S", 1.0)
    body = b"abcdef"
    service.headers = {"ETag": '"e1"'}
    service.body = body
    service.drips_s = 0.05
    async with connect(polls=1, invocations=1, invocation_type="Event") as aws:
        bucket = aws.bucket("output")
        # Each takes some 0.3 s, and only a few run at once.
        found = await asyncio.gather(*(bucket.get(LISTED) for _ in range(6 * READS)))
    assert [one.content for one in found] == [body] * len(found)


async def test_dead_letters_that_wait_for_others_delay_no_other_call(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "CONNECTED_WITHIN_S", 1.0)
    service.body = {"MessageId": "m1", "Successful": [{"Id": "0"}]}
    service.drips_s = 0.01
    async with connect(polls=1, invocations=1, invocation_type="Event") as aws:
        queue = aws.queue(QUEUE)
        sends = [asyncio.create_task(queue.send("body", {})) for _ in range(6 * SENDS)]
        await asyncio.sleep(0)
        assert await queue.change_visibility(["a"], 30) == [None]
        assert not all(sent.done() for sent in sends)
        await asyncio.gather(*sends)
