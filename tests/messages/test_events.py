"""S3 events: every text ends in records or in a BadMessage."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hybridsphere.messages import (
    BadMessage,
    S3Event,
    S3Record,
    parse_output,
    parse_s3_event,
    read_s3_event,
)
from tests.messages.messages_stage import (
    EVENTBRIDGE,
    EVENTS,
    JSON,
    ONE_EVENT,
    OUTPUTS,
    RECORDS,
    parses,
    paths_of,
    sns,
    spoiled,
)
from tests.samples import (
    BUCKET,
    record,
    result,
    s3_event,
)


@given(JSON)
def test_any_json_ends_in_records_or_as_a_bad_message(value: Any) -> None:
    parses(parse_s3_event, json.dumps(value))


@given(st.sampled_from(EVENTS), st.data(), JSON)
def test_a_spoiled_event_ends_in_records_or_as_a_bad_message(
    event: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    path = data.draw(st.sampled_from(paths_of(event)))
    parses(parse_s3_event, json.dumps(spoiled(event, path, value)))


@given(st.sampled_from(EVENTS), st.data(), JSON)
def test_a_parsed_event_ends_in_records_or_as_a_bad_message(
    event: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    path = data.draw(st.sampled_from(paths_of(event)))
    # Lambda has parsed it already.
    parses(parse_s3_event, spoiled(event, path, value))


@given(st.text(st.characters(exclude_categories=())))
@example('{"Records":' + "[" * 100_000)
@example("[" * 500 + "]" * 500)
@example(s3_event(record("half.mp4")).replace("half", "\udc00"))
def test_any_text_ends_in_records_or_as_a_bad_message(text: str) -> None:
    parses(parse_s3_event, text)
    parses(parse_output, text)


@pytest.mark.parametrize(
    ("parse", "whole", "path"),
    [
        (parse_s3_event, ONE_EVENT, ("Records", 0, "eventName")),
        (parse_s3_event, ONE_EVENT, ("Records", 0, "eventTime")),
        (parse_s3_event, ONE_EVENT, ("Records", 0, "s3")),
        (parse_output, OUTPUTS[0], ("schema",)),
        (parse_output, OUTPUTS[0], ("status",)),
        (parse_output, OUTPUTS[0], ("people",)),
        (parse_output, OUTPUTS[0], ("people", 0)),
        (parse_output, OUTPUTS[0], ("people", 0, "distance")),
    ],
)
def test_a_megabyte_of_nonsense_is_described_in_a_line(
    parse: Any, whole: dict[str, Any], path: tuple[Any, ...]
) -> None:
    with pytest.raises(BadMessage) as caught:
        parse(json.dumps(spoiled(whole, path, "x" * 1_000_000)))
    assert len(str(caught.value)) < 300


def test_a_key_with_half_a_surrogate_pair_is_a_bad_message() -> None:
    text = json.dumps(spoiled(EVENTBRIDGE, ("detail", "object", "key"), "half\ud800"))
    assert not parses(parse_s3_event, text)
    assert not parses(parse_s3_event, text.replace("\\ud800", "\ud800"))
    assert not parses(parse_s3_event, json.loads(text))
    bare = spoiled(ONE_EVENT, ("Records", 0, "s3", "object", "key"), "half\ud800")
    assert not parses(parse_s3_event, bare)


def test_a_key_with_a_whole_surrogate_pair_is_a_key() -> None:
    (parsed,) = parse_s3_event(
        json.dumps(spoiled(EVENTBRIDGE, ("detail", "object", "key"), "film 🎬.mp4"))
    )
    assert parsed.key == "film 🎬.mp4"


def test_a_bare_event_is_understood_with_its_key_decoded() -> None:
    event = {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "us-east-1",
                "eventTime": "2026-11-21T01:00:00.5+01:00",
                "eventName": "ObjectCreated:CompleteMultipartUpload",
                "s3": {
                    "bucket": {"name": BUCKET, "arn": "arn:aws:s3:::input-bucket-video"},
                    "object": {
                        "key": "a+b%2B%C3%BC/%C3%9F.mp4",
                        "size": 5,
                        "eTag": "d41d8",
                        "sequencer": "0055AED6DCD90281E5",
                    },
                },
            }
        ]
    }
    expected = S3Record(
        BUCKET, "a b+ü/ß.mp4", "d41d8", "0055AED6DCD90281E5", "2026-11-21T00:00:00.500Z"
    )
    assert parse_s3_event(json.dumps(event)) == [expected]
    assert parse_s3_event(event) == [expected]


def test_the_records_of_a_message_keep_their_order() -> None:
    records = [record(f"{i}.mp4") for i in range(5)]
    assert parse_s3_event(s3_event(*records)) == records


def test_an_event_through_sns_is_the_event_within() -> None:
    assert parse_s3_event(json.dumps(sns(s3_event(record("ü.mp4"))))) == [record("ü.mp4")]
    assert parse_s3_event(json.dumps(sns(json.dumps({"Event": "s3:TestEvent"})))) == []


def test_the_key_of_an_eventbridge_event_is_taken_as_it_is() -> None:
    (parsed,) = parse_s3_event(json.dumps(EVENTBRIDGE))
    assert parsed == record("a b+c%41.mp4", sequencer="0062")


def test_the_test_event_names_nothing() -> None:
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}
    assert parse_s3_event(json.dumps(event)) == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no Records"),
        ('{"Records": []}', "no Records"),
        ('{"Records": [1]}', "record is 1"),
        (json.dumps(spoiled(ONE_EVENT, ("Records", 0, "s3", "object", "key"), "")), "key is ''"),
        (json.dumps(spoiled(ONE_EVENT, ("Records", 0, "s3", "object", "key"), "%FF")), "UTF-8"),
        (json.dumps(spoiled(ONE_EVENT, ("Records", 0, "s3", "object", "eTag"), None)), "eTag"),
        (json.dumps(spoiled(ONE_EVENT, ("Records", 0, "s3", "bucket", "name"), 7)), "name is 7"),
        (json.dumps(spoiled(ONE_EVENT, ("Records", 0, "eventTime"), "noon")), "ISO 8601"),
        (json.dumps(spoiled(ONE_EVENT, ("Records", 0, "eventName"), "not a name")), "eventName"),
        (json.dumps(sns("hello")), "not JSON"),
    ],
)
def test_an_invalid_event_says_why(body: str, complaint: str) -> None:
    with pytest.raises(BadMessage, match=complaint):
        parse_s3_event(body)


NO_UPLOADS = (
    "ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "ObjectTagging:Put",
    "ObjectRestore:Completed",
    "LifecycleExpiration:Delete",
    "s3:LifecycleTransition",
    "ObjectAcl:Put",
    "Replication:OperationMissedThreshold",
    "AnEventOfTheFuture:Put",
)


@pytest.mark.parametrize("name", NO_UPLOADS)
def test_an_event_that_is_no_upload_is_ignored(name: str) -> None:
    event = read_s3_event(json.dumps(spoiled(ONE_EVENT, ("Records", 0, "eventName"), name)))
    assert event == S3Event(ignored=[name])


@pytest.mark.parametrize(
    "kind", ["Object Deleted", "Object Tags Added", "Object Restore Completed"]
)
def test_an_eventbridge_event_that_is_no_upload_is_ignored(kind: str) -> None:
    event = read_s3_event(json.dumps(spoiled(EVENTBRIDGE, ("detail-type",), kind)))
    assert event == S3Event(ignored=[f"'{kind}'"])


REMOVED = spoiled(ONE_EVENT, ("Records", 0, "eventName"), "ObjectRemoved:Delete")["Records"][0]


TAGLESS = spoiled(ONE_EVENT, ("Records", 0, "s3", "object", "eTag"), None)["Records"][0]


@given(st.lists(RECORDS, min_size=1, max_size=4), st.lists(st.sampled_from([REMOVED, TAGLESS, 1])))
def test_one_record_does_not_spoil_its_neighbours(several: list[S3Record], others: Any) -> None:
    good = [one.to_event()["Records"][0] for one in several]
    for records in ([*others, *good], [*good, *others]):
        event = read_s3_event({"Records": records})
        assert event.created == several
        assert len(event.ignored) == others.count(REMOVED)
        assert [one.record for one in event.bad] == [one for one in others if one != REMOVED]


@pytest.mark.parametrize(("size", "is_upload"), [(0, False), (1, True), (None, True)])
def test_a_folder_of_zero_bytes_is_no_upload(size: int | None, is_upload: bool) -> None:
    event = json.loads(s3_event(record("folder/")))
    event["Records"][0]["s3"]["object"]["size"] = size
    bridged = spoiled(EVENTBRIDGE, ("detail", "object"), {"key": "a/", "size": size, "etag": "e"})
    for body in (event, bridged):
        found = read_s3_event(body)
        assert (len(found.created), len(found.ignored)) == (is_upload, not is_upload)


def test_a_file_of_zero_bytes_is_an_upload() -> None:
    event = json.loads(s3_event(record("empty.mp4")))
    event["Records"][0]["s3"]["object"]["size"] = 0
    assert parse_s3_event(event) == [record("empty.mp4")]


@pytest.mark.parametrize("name", ["eTag", "etag"])
@pytest.mark.parametrize("written", ["d41d8", '"d41d8"', 'W/"d41d8"'])
def test_an_etag_is_the_same_however_it_is_written(name: str, written: str) -> None:
    event = json.loads(s3_event(record()))
    thing = event["Records"][0]["s3"]["object"]
    del thing["eTag"]
    thing[name] = written
    bridged = spoiled(EVENTBRIDGE, ("detail", "object", "etag"), written)
    for body in (event, bridged):
        assert [one.etag for one in parse_s3_event(body)] == ["d41d8"]
    assert parse_output(replace(result(), etag=written).to_json()) == [result(etag="d41d8")]


@given(RECORDS)
def test_a_record_survives_the_way_to_the_function(one: S3Record) -> None:
    assert parse_s3_event(one.to_event()) == [one]
    assert parse_s3_event(json.dumps(one.to_event())) == [one]


def eventbridge(one: S3Record) -> dict[str, Any]:
    """Make the EventBridge event of a record, whose key is not encoded."""
    thing = {"key": one.key, "etag": one.etag, "sequencer": one.sequencer or ""}
    replay = {"hybridsphere": {"attempt": one.attempt}}
    detail = {"bucket": {"name": one.bucket}, "object": thing}
    return {**EVENTBRIDGE, "time": one.event_time, "detail": detail, **replay}


@given(RECORDS)
def test_a_record_is_the_same_in_whichever_clothes_it_comes(one: S3Record) -> None:
    bare = s3_event(one)
    clothes = [bare, json.dumps(sns(bare)), json.dumps(eventbridge(one))]
    clothes.append(json.dumps(sns(clothes[2])))
    for body in clothes:
        assert parse_s3_event(body) == parse_s3_event(json.loads(body)) == [one]


@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_several_records_keep_their_order_in_either_wrapping(several: list[S3Record]) -> None:
    assert parse_s3_event(s3_event(*several)) == several
    assert parse_s3_event(json.dumps(sns(s3_event(*several)))) == several
