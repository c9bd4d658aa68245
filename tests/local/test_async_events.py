"""Asynchronous invocations: accepted at once, tried again, and given up with a record."""

import asyncio
from typing import Any

import pytest

from tests.local.local_stage import Gate, StartLambda

ARN = "arn:aws:lambda:us-east-1:123456789012:function:probe"


async def test_an_event_is_accepted_before_it_is_run(start_lambda: StartLambda, gate: Gate) -> None:
    aws = await start_lambda(reserved_concurrency=1)
    first = await aws.invoke(gate.event(), "Event")
    second = await aws.invoke(gate.event(), "Event")
    assert first["StatusCode"] == second["StatusCode"] == 202
    assert await first["Payload"].read() == b""
    for answer in (first, second):
        visitor = await gate.arrival()
        assert visitor.request_id == answer["ResponseMetadata"]["RequestId"]
        visitor.tell("on")
    assert aws.failures.empty()


async def test_a_failing_event_is_retried_twice_as_the_same_request(
    start_lambda: StartLambda, gate: Gate
) -> None:
    aws = await start_lambda()
    answer = await aws.invoke(gate.event(), "Event")
    for _ in range(3):
        visitor = await gate.arrival()
        assert visitor.request_id == answer["ResponseMetadata"]["RequestId"]
        visitor.tell("fail")
    record = await aws.failures.get()
    assert record["requestContext"]["approximateInvokeCount"] == 3


async def test_an_event_that_succeeds_in_the_end_leaves_no_record(
    start_lambda: StartLambda, gate: Gate
) -> None:
    aws = await start_lambda(reserved_concurrency=1)
    await aws.invoke(gate.event(), "Event")
    (await gate.arrival()).tell("fail")
    (await gate.arrival()).tell("on")
    # Only one event runs at a time, so that a record of the first would be there by now.
    await aws.invoke({"do": "fail", "text": "the second"}, "Event")
    record = await aws.failures.get()
    assert record["responsePayload"]["errorMessage"] == "the second"
    assert aws.failures.empty()


async def test_the_record_of_a_failed_event_is_lambdas(start_lambda: StartLambda) -> None:
    aws = await start_lambda()
    event = {"do": "fail", "text": "broken"}
    answer = await aws.invoke(event, "Event")
    record = await aws.failures.get()
    stack_trace = record["responsePayload"].pop("stackTrace")
    assert "probe.py" in "".join(stack_trace)
    assert record.pop("timestamp").endswith("Z")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{ARN}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": {
            "errorMessage": "broken",
            "errorType": "ValueError",
            "requestId": request_id,
        },
    }


async def test_an_event_that_kills_its_worker_ends_as_a_record(start_lambda: StartLambda) -> None:
    aws = await start_lambda(max_retries=1)
    await aws.invoke({"do": "kill", "signal": 9}, "Event", Qualifier="live")
    record = await aws.failures.get()
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestContext"]["functionArn"] == f"{ARN}:live"
    assert record["responsePayload"]["errorType"] == "Runtime.ExitError"


async def test_an_event_that_waits_too_long_for_a_worker_ends_without_a_response(
    start_lambda: StartLambda, gate: Gate
) -> None:
    aws = await start_lambda(reserved_concurrency=1, max_event_age_s=1)
    await aws.invoke(gate.event(), "Event")
    visitor = await gate.arrival()
    await aws.invoke({"x": 1}, "Event")
    record = await aws.failures.get()
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["requestPayload"] == {"x": 1}
    assert "responsePayload" not in record
    visitor.tell("on")


async def test_an_event_too_old_for_a_retry_fails(
    start_lambda: StartLambda,
) -> None:
    aws = await start_lambda(max_event_age_s=0.5, retry_delays_s=(1_000_000, 1_000_000))
    await aws.invoke({"do": "fail", "text": "broken"}, "Event")
    record = await aws.failures.get()
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1


async def test_an_undeliverable_record_does_not_stop_other_events(
    start_lambda: StartLambda, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    refused = asyncio.Event()

    async def refuse(record: dict[str, Any]) -> None:
        refused.set()
        raise ConnectionError("the queue is away")

    aws = await start_lambda(host={"on_failure": refuse})
    await aws.invoke({"do": "fail", "text": "broken"}, "Event")
    await refused.wait()
    await aws.invoke(gate.event(), "Event")
    (await gate.arrival()).tell("on")
    assert "the queue is away" in caplog.text
