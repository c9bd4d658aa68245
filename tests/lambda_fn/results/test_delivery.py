from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hybridsphere.messages import (
    ATTENDANCE_COLUMNS,
    MOST_CSV_BYTES,
    Person,
    Result,
    csv_key,
    csv_text,
    version_in,
)
from lambda_fn.results.delivery import Reporter
from lambda_fn.runtime import aws
from tests.lambda_fn.function_stage import Stage

KEY = "ß/" + "k" * 1000


@pytest.fixture
def result(stage: Stage) -> Result:
    return Result(
        bucket=stage.input_bucket,
        key=KEY,
        etag="e" * 32,
        sequencer="0055AED6DCD90281E5",
        event_time="2026-11-21T00:00:00.000Z",
        status="no_face",
        reason="cut_short",
        csv="name,major,year,status\r\n,,,no_face\r\n",
        started_at="2026-11-21T00:00:01.000Z",
        finished_at="2026-11-21T00:00:02.000Z",
        output_bucket=stage.output_bucket,
        output_key=csv_key(KEY),
    )


@pytest.fixture
def reporter(stage: Stage) -> Reporter:
    return Reporter(aws.client("s3"), aws.client("sqs"), stage.queue_url)


def other(result: Result, sequencer: str, csv: str) -> Result:
    return replace(result, sequencer=sequencer, csv=csv)


def test_the_csv_object_says_which_video_it_is_of(
    stage: Stage, reporter: Reporter, result: Result
) -> None:
    reporter.deliver(result)
    there = stage.csv_object(csv_key(KEY))
    fields = there["Metadata"]
    assert b64decode(fields.pop("bucket")).decode() == stage.input_bucket
    assert b64decode(fields.pop("key")).decode() == KEY
    assert fields == {
        "etag": "e" * 32,
        "sequencer": "0055AED6DCD90281E5",
        "event-time": "2026-11-21T00:00:00.000Z",
        "status": "no_face",
        "reason": "cut_short",
        "started-at": "2026-11-21T00:00:01.000Z",
        "finished-at": "2026-11-21T00:00:02.000Z",
        "attempt": "1",
    }
    assert version_in(there["Metadata"]) == result.version
    assert there["ContentType"].startswith("text/csv")


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [("1", "2", "second"), ("2", "1", "first"), ("1", "1", "first"), ("0A", "0a00", "first")],
)
def test_the_csv_object_is_that_of_the_newest_version(
    *, stage: Stage, reporter: Reporter, result: Result, first: str, second: str, stays: str
) -> None:
    reporter.deliver(other(result, first, "first"))
    reporter.deliver(other(result, second, "second"))
    assert stage.csv_object(csv_key(KEY))["text"] == stays
    assert [message.csv for message in stage.messages()] == ["first", "second"]


@pytest.mark.parametrize(("rival", "stays"), [("1", "mine"), ("3", "rival")])
def test_a_writer_in_between_wins_only_with_a_newer_version(
    *, stage: Stage, reporter: Reporter, result: Result, rival: str, stays: str
) -> None:
    """The rival writes after this writer has seen the object and before it replaces it."""
    reporter.deliver(other(result, "0", "oldest"))
    rivals = [other(result, rival, "rival")]

    def interfere(params: dict[str, Any], **_: Any) -> None:
        if "If-Match" in params["headers"] and rivals:
            reporter.deliver(rivals.pop())

    events = aws.client("s3").meta.events
    events.register("before-call.s3.PutObject", interfere)
    try:
        reporter.deliver(other(result, "2", "mine"))
    finally:
        events.unregister("before-call.s3.PutObject", interfere)

    assert not rivals
    assert stage.csv_object(csv_key(KEY))["text"] == stays


def test_a_csv_deleted_in_between_is_written_anew(
    stage: Stage, reporter: Reporter, result: Result
) -> None:
    reporter.deliver(other(result, "0", "oldest"))
    s3 = aws.client("s3")

    def delete(params: dict[str, Any], **_: Any) -> None:
        if "If-Match" in params["headers"]:
            s3.delete_object(Bucket=stage.output_bucket, Key=csv_key(KEY))

    s3.meta.events.register("before-call.s3.PutObject", delete)
    try:
        reporter.deliver(other(result, "2", "mine"))
    finally:
        s3.meta.events.unregister("before-call.s3.PutObject", delete)

    assert stage.csv_object(csv_key(KEY))["text"] == "mine"


def test_an_object_that_somebody_else_put_there_stays(
    stage: Stage, reporter: Reporter, result: Result
) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=stage.output_bucket, Key=csv_key(KEY), Body=b"a note")
    reporter.deliver(result)
    assert stage.csv_object(csv_key(KEY))["text"] == "a note"
    assert [message.key for message in stage.messages()] == [KEY]


def test_without_the_csv_no_message_is_sent(
    stage: Stage, reporter: Reporter, result: Result
) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        reporter.deliver(replace(result, output_bucket="no-such-bucket"))
    assert stage.messages() == []


def crowd(result: Result, people: int) -> Result:
    """The result of a video of so many people."""
    rows = [(f"student {number}", "physics", "junior", "matched") for number in range(people)]
    seen = [Person(*row[:3], 0.3, 0.0, row[3], 0.0, 9.0, 10) for row in rows]
    text = csv_text([(*row, 0.0, 9.0, 10) for row in rows], ATTENDANCE_COLUMNS)
    return replace(result, status="matched", reason=None, people=tuple(seen), csv=text)


def test_what_no_message_can_carry_ends_as_too_large(
    stage: Stage, reporter: Reporter, result: Result
) -> None:
    reporter.deliver(crowd(result, 10_000))

    (message,) = stage.messages()
    assert (message.status, message.reason, message.people) == ("unreadable", "too_large", ())
    assert message.csv == csv_text([("", "", "", "unreadable", *[""] * 4)], ATTENDANCE_COLUMNS)
    there = stage.csv_object(csv_key(KEY))
    assert there["text"] == message.csv
    assert there["Metadata"]["reason"] == "too_large"


def test_a_thousand_people_fit_a_message(stage: Stage, reporter: Reporter, result: Result) -> None:
    reporter.deliver(crowd(result, 1000))

    (message,) = stage.messages()
    assert len(message.people) == 1000


def test_without_a_message_more_people_can_be_told(stage: Stage, result: Result) -> None:
    Reporter(aws.client("s3"), aws.client("sqs"), None).deliver(crowd(result, 20_000))

    assert stage.csv_object(csv_key(KEY))["text"].count("student") == 20_000


def test_a_csv_is_never_larger_than_a_bridge_reads(stage: Stage, result: Result) -> None:
    everybody = crowd(result, 30_000)
    assert len(everybody.csv) > MOST_CSV_BYTES
    Reporter(aws.client("s3"), aws.client("sqs"), None).deliver(everybody)

    there = stage.csv_object(csv_key(KEY))
    assert there["text"] == csv_text([("", "", "", "unreadable", *[""] * 4)], ATTENDANCE_COLUMNS)
    assert (there["Metadata"]["status"], there["Metadata"]["reason"]) == ("unreadable", "too_large")
