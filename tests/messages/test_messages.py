"""What travels: whatever comes in ends as records, results or a BadMessage."""

import csv
import io
import json
import math
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hybridsphere.messages import (
    LONGEST_TEXT,
    MAX_KEY_BYTES,
    SCHEMA,
    STATUSES,
    BadMessage,
    Person,
    Result,
    S3Event,
    S3Record,
    Version,
    csv_key,
    csv_text,
    newest_of,
    parse_output,
    parse_s3_event,
    read_s3_event,
    result_of_object,
    utc_text,
)
from tests.samples import (
    BUCKET,
    CHARACTERS,
    EVENT_TIME,
    PERSON,
    failure_record,
    record,
    result,
    s3_event,
)

# Texts as JSON can carry them, but for halves of surrogate pairs.
TEXT = st.text(CHARACTERS, max_size=20)
NAME = st.text(CHARACTERS, min_size=1, max_size=20)
TIME = st.datetimes(timezones=st.just(None)).map(utc_text)
ETAG = st.text(CHARACTERS, min_size=1, max_size=20).filter(
    lambda text: text[0] != "W" and '"' not in text
)
SEQUENCER = st.none() | st.text("0123456789abcdefABCDEF", min_size=1, max_size=20)
# Few values, so that ties and circles are common.
VERSION = st.builds(
    Version,
    etag=st.sampled_from("ab"),
    sequencer=st.sampled_from([None, "", "01", "0100", "02", "0a", "0A"]),
    event_time=st.sampled_from([f"2026-11-21T00:00:0{second}.000Z" for second in range(3)]),
)
# One sequencer and ETag, or one ETag and time, is one upload.
VERSIONS = st.lists(VERSION, min_size=1, max_size=6, unique_by=lambda version: version.id)

RECORDS = st.builds(
    S3Record, bucket=NAME, key=NAME, etag=ETAG, sequencer=SEQUENCER, event_time=TIME
)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
PEOPLE = st.builds(
    Person,
    name=TEXT.filter(bool),
    major=TEXT,
    year=TEXT,
    distance=NUMBER,
    at_s=NUMBER,
    status=st.none() | st.sampled_from(STATUSES),
    first_s=st.none() | NUMBER,
    last_s=st.none() | NUMBER,
    sightings=st.none() | st.integers(0, 2**63 - 1),
)
RESULTS = st.builds(
    Result,
    bucket=NAME,
    key=NAME,
    etag=ETAG,
    sequencer=SEQUENCER,
    event_time=TIME,
    status=st.sampled_from(STATUSES),
    csv=NAME,
    reason=st.none() | NAME,
    people=st.lists(PEOPLE, max_size=3).map(tuple),
    started_at=st.none() | TIME,
    finished_at=st.none() | TIME,
    output_bucket=st.none() | NAME,
    output_key=st.none() | NAME,
)

# Halves of surrogate pairs included: JSON can escape them.
WILD_TEXT = st.text(st.characters(exclude_categories=()), max_size=10)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WILD_TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WILD_TEXT, inner, max_size=4),
    max_leaves=15,
)


def parses(parse: Any, body: Any) -> bool:
    """Whether a body is accepted; anything but BadMessage goes through."""
    try:
        parsed = parse(body)
    except BadMessage:
        return False
    # Accepted records can be stored and sent.
    for one in parsed:
        repr(one).encode()
        one.version.id.encode()
        one.key.encode()
    return True


def spoiled(whole: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy of a message with something else at one place."""
    copy = json.loads(json.dumps(whole))
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return dict(copy)


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    below = [found for name, inner in items for found in paths_of(inner, (*path, name))]
    return [*([path] if path else []), *below]


EVENTBRIDGE: dict[str, Any] = {
    "version": "0",
    "id": "17793124",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "account": "111122223333",
    "time": "2026-11-21T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:s3:::input-bucket-video"],
    "detail": {
        "version": "0",
        "bucket": {"name": BUCKET},
        "object": {"key": "a b+c%41.mp4", "size": 5, "etag": "e1", "sequencer": "0062"},
        "reason": "PutObject",
    },
}


def sns(message: str) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "22b80b92",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:uploads",
        "Subject": "Amazon S3 Notification",
        "Message": message,
        "Timestamp": "2026-11-21T00:00:00.000Z",
    }


ONE_EVENT = json.loads(s3_event(record()))
EVENTS = (
    json.loads(s3_event(record("ü b.mp4"), record("c.mp4"))),
    EVENTBRIDGE,
    sns(s3_event(record())),
)
OUTPUTS = (
    json.loads(result(people=(replace(PERSON, sightings=2, first_s=0.0),)).to_json()),
    json.loads(
        failure_record(
            record(),
            condition="RetriesExhausted",
            responsePayload={"errorType": "ValueError", "errorMessage": "x"},
        )
    ),
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


@given(st.sampled_from(OUTPUTS), st.data(), JSON)
def test_a_spoiled_output_ends_in_results_or_as_a_bad_message(
    output: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    path = data.draw(st.sampled_from(paths_of(output)))
    parses(parse_output, json.dumps(spoiled(output, path, value)))


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        pytest.param("distance", 10**400, id="huge"),
        ("distance", "near"),
        ("distance", None),
        ("distance", []),
        ("first_s", math.nan),
        ("last_s", [[]]),
        # No database has room for it.
        ("sightings", 2**64),
        ("sightings", -1),
        ("status", {}),
    ],
)
def test_a_person_with_an_impossible_figure_is_a_bad_message(name: str, figure: Any) -> None:
    broken = spoiled(OUTPUTS[0], ("people", 0, name), figure)
    with pytest.raises(BadMessage, match="people"):
        parse_output(json.dumps(broken))


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
    detail = {"bucket": {"name": one.bucket}, "object": thing}
    return {**EVENTBRIDGE, "time": one.event_time, "detail": detail}


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


@given(RESULTS)
def test_a_result_survives_the_way_to_the_bridge(one: Result) -> None:
    assert parse_output(one.to_json()) == [one]


def test_a_result_goes_out_as_the_contract_has_it() -> None:
    sent = json.loads(result().to_json())
    assert sent == {
        "schema": "hybridsphere.result/1",
        "bucket": "input-bucket-video",
        "key": "test_0.mp4",
        "etag": "e1",
        "sequencer": "01",
        "event_time": "2026-11-21T00:00:00.000Z",
        "status": "matched",
        "reason": None,
        "people": [
            {
                "name": "president_trump",
                "major": "physics",
                "year": "junior",
                "distance": 0.372,
                "at_s": 0.0,
            }
        ],
        "started_at": "2026-11-21T00:00:01.000Z",
        "finished_at": "2026-11-21T00:00:02.000Z",
        "output_bucket": "output-bucket-vid",
        "output_key": "test_0.mp4.csv",
        "csv": "name,major,year,status\r\ntest_0.mp4,physics,junior,matched\r\n",
    }


def test_fields_that_are_not_known_are_passed_over() -> None:
    message = {**json.loads(result().to_json()), "model": "dlib"}
    message["people"][0]["mood"] = "good"
    assert parse_output(json.dumps(message)) == [result()]


@pytest.mark.parametrize(
    "field", ["schema", "bucket", "key", "etag", "event_time", "status", "csv"]
)
def test_a_result_without_a_field_it_needs_is_a_bad_message(field: str) -> None:
    message = json.loads(result().to_json())
    del message[field]
    with pytest.raises(BadMessage, match=field):
        parse_output(json.dumps(message))


def test_a_result_of_another_schema_is_a_bad_message() -> None:
    with pytest.raises(BadMessage, match=SCHEMA):
        parse_output(result().to_json().replace("result/1", "result/2"))


def test_exhausted_retries_fail_every_record_with_the_error() -> None:
    body = failure_record(
        record("a.mp4"),
        record("b.mp4"),
        condition="RetriesExhausted",
        responseContext={"statusCode": 200, "functionError": "Unhandled"},
        responsePayload={"errorType": "MemoryError", "errorMessage": "no room"},
    )
    first, second = parse_output(body)
    assert first == Result.failed(record("a.mp4"), "RetriesExhausted: MemoryError: no room")
    assert second.key == "b.mp4"
    assert first.status == "failed"
    assert first.csv == "name,major,year,status\r\n,,,failed\r\n"


@pytest.mark.parametrize(
    ("kind", "message", "told"),
    [
        (
            "ClientError",
            "It does not match.\n\nThe request was\n…",
            "ClientError: It does not match.",
        ),
        ("ValueError", "\n\r\n  first\r\nsecond", "ValueError: first"),
        ("ValueError", "", "ValueError"),
        ("ValueError", {"quoted": "the request"}, "ValueError"),
        ("Two\nlines", "x", "Two: x"),
        ("ProxyError", "no http://me:secret@host:1 there", "ProxyError: no http://…@host:1 there"),
        ("Runtime.ExitError", "Error: Runtime exited", "Runtime.ExitError: Error: Runtime exited"),
    ],
)
def test_a_function_error_keeps_its_name_and_first_line(
    kind: str, message: object, told: str
) -> None:
    payload = {"errorType": kind, "errorMessage": message}
    body = failure_record(record(), condition="RetriesExhausted", responsePayload=payload)
    assert parse_output(body) == [Result.failed(record(), f"RetriesExhausted: {told}")]


def test_a_failed_result_has_one_limited_line_as_its_reason() -> None:
    payload = {"errorType": "T" * 9999, "errorMessage": "m" * 9999}
    body = failure_record(record(), condition="c" * 9999, responsePayload=payload)
    for failed in (*parse_output(body), Result.failed(record(), "r" * 9999 + "\nthe request")):
        assert len(failed.reason or "") == LONGEST_TEXT
    assert Result.failed(record(), "first\nsecond").reason == "first"


def test_an_event_that_grew_too_old_is_failed_without_a_response() -> None:
    (lost,) = parse_output(failure_record(record(), condition="EventAgeExceeded"))
    assert lost == Result.failed(record(), "EventAgeExceeded")


def test_the_longest_field_of_a_csv_object_is_read() -> None:
    name = "n" * 1_000_000
    video = result("long.mp4")
    metadata = {
        "key": b64encode(video.key.encode()).decode(),
        "bucket": b64encode(video.bucket.encode()).decode(),
        "etag": video.etag,
        "event-time": video.event_time,
        "status": video.status,
    }
    content = csv_text([(name, "", "", "matched")])
    assert result_of_object("output", "long.mp4.csv", metadata, content).people[0].name == name


@given(st.lists(st.lists(TEXT, min_size=1)))
def test_a_csv_can_be_read_back_cell_by_cell(rows: list[list[str]]) -> None:
    text = csv_text(rows, columns=("one",))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["one"], *rows]


class TestVersion:
    @given(SEQUENCER, SEQUENCER, TIME, TIME)
    def test_at_most_one_of_two_versions_is_newer(
        self, one: str | None, two: str | None, first: str, second: str
    ) -> None:
        a, b = Version("a", one, first), Version("b", two, second)
        assert not (a.newer_than(b) and b.newer_than(a))
        assert not a.newer_than(a)

    @given(VERSION, VERSION)
    def test_exactly_one_of_two_different_versions_is_newer(self, a: Version, b: Version) -> None:
        assert a.newer_than(b) + b.newer_than(a) == (a.id != b.id)

    @given(VERSIONS, st.randoms(use_true_random=False))
    def test_any_versions_have_one_newest_in_any_order(
        self, versions: list[Version], chance: Random
    ) -> None:
        others = chance.sample(versions, len(versions))
        newest, again = (newest_of(order, lambda version: version) for order in (versions, others))
        assert newest
        assert again
        assert newest.id == again.id
        # No version of the same kind is newer, nor the newest of the other kind.
        kind = bool(newest.sequencer)
        alike = [one for one in versions if bool(one.sequencer) == kind]
        other = newest_of([one for one in versions if one not in alike], lambda version: version)
        assert not any(one.newer_than(newest) for one in [*alike, *([other] if other else [])])

    @given(st.lists(st.tuples(st.sampled_from("ab"), TIME), unique=True, min_size=2))
    def test_without_sequencers_exactly_one_of_two_is_newer(
        self, made: list[tuple[str, str]]
    ) -> None:
        a, b = (Version(etag, None, time) for etag, time in made[:2])
        assert a.newer_than(b) != b.newer_than(a)

    @pytest.mark.parametrize(
        ("newer", "older"),
        [("01", "00"), ("1", "01"), ("0b", "0A"), ("0A1", "0a"), ("FF", "0FFF"), ("00b", "00AF")],
    )
    def test_sequencers_are_padded_on_the_right_and_know_no_case(
        self, newer: str, older: str
    ) -> None:
        # The event times say the opposite and are not asked.
        a = Version("e", newer, "2020-01-01T00:00:00.000Z")
        b = Version("e", older, EVENT_TIME)
        assert a.newer_than(b)
        assert not b.newer_than(a)

    @pytest.mark.parametrize(("one", "two"), [("a", "A"), ("1", "100"), ("00", "0")])
    def test_sequencers_that_differ_in_padding_or_case_are_no_progress(
        self, one: str, two: str
    ) -> None:
        a, b = Version("e", one, EVENT_TIME), Version("e", two, "2026-11-22T00:00:00.000Z")
        assert a.id == b.id
        assert not a.newer_than(b)
        assert not b.newer_than(a)

    @given(SEQUENCER.filter(bool), TIME, TIME)
    def test_event_times_decide_between_equal_sequencers(
        self, sequencer: str, first: str, second: str
    ) -> None:
        a, b = Version("a", sequencer, first), Version("b", sequencer, second)
        assert a.id != b.id
        assert a.newer_than(b) == (first > second)
        assert b.newer_than(a) == (first <= second)

    def test_event_times_decide_where_one_has_no_sequencer(self) -> None:
        a = Version("e", None, "2026-11-21T00:00:00.001Z")
        assert a.newer_than(Version("e", "FF", EVENT_TIME))
        assert not Version("e", "FF", EVENT_TIME).newer_than(a)

    def test_a_version_is_sequencer_and_etag_or_etag_and_time(self) -> None:
        assert Version("e", "01", EVENT_TIME).id == "01:e"
        assert Version("e", "0055AED6DCD90281E5", EVENT_TIME).id == "0055AED6DCD90281E5:e"
        assert Version("e", None, EVENT_TIME).id == f"e@{EVENT_TIME}"
        assert Version("e", "0100", EVENT_TIME).first_id == "01"
        assert Version("e", None, EVENT_TIME).first_id == f"e@{EVENT_TIME}"

    @pytest.mark.parametrize("sequencer", ["0", "00", "0055AED6DCD90281E5"])
    def test_the_event_time_decides_between_equal_sequencers(self, sequencer: str) -> None:
        first = Version("f", sequencer, "2026-11-21T00:00:00.000Z")
        second = Version("e", sequencer, "2026-11-21T00:00:01.000Z")
        assert first.id != second.id
        assert second.newer_than(first)
        assert not first.newer_than(second)
        assert newest_of([second, first], lambda version: version) == second

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_a_circle_of_versions_has_one_newest_in_any_order(self, order: tuple[int, ...]) -> None:
        circle = [
            Version("e", "02", "2026-11-21T00:00:01.000Z"),
            Version("e", None, "2026-11-21T00:00:02.000Z"),
            Version("e", "01", "2026-11-21T00:00:03.000Z"),
        ]
        assert all(circle[i].newer_than(circle[i - 1]) for i in range(3))
        assert newest_of((circle[i] for i in order), lambda version: version) == circle[1]

    def test_no_versions_have_no_newest(self) -> None:
        assert newest_of([], lambda version: version) is None

    @pytest.mark.parametrize("same", [("0B", "0b", "0B00"), ("0", "000")])
    def test_a_sequencer_is_one_version_however_it_is_written(self, same: tuple[str, ...]) -> None:
        assert len({Version("e", sequencer, EVENT_TIME).id for sequencer in same}) == 1


# Segments that make keys odd, and so often that pairs of keys come close to each other.
ODD = st.sampled_from(["", ".", "..", "_long", "a", "a.csv", "%", "é", "\0", "x" * 300])
KEYS = (
    st.text(CHARACTERS, min_size=1, max_size=30)
    | st.lists(ODD, min_size=1, max_size=5).map("/".join).filter(bool)
    | st.text("aé🎬/.", min_size=200, max_size=400)
)


def video_key(csv: str) -> str | None:
    """The video's key read back from the CSV's, where the contract promises that."""
    return None if csv.startswith("_long/") else csv.removesuffix(".csv")


@given(KEYS)
@example("k" * (MAX_KEY_BYTES - 4))
@example("k" * (MAX_KEY_BYTES - 3))
@example("é" * 510)
def test_the_key_of_a_csv_reads_backwards_and_fits(key: str) -> None:
    made = csv_key(key)
    assert made.endswith(".csv")
    assert len(made.encode()) <= MAX_KEY_BYTES
    assert video_key(made) in (key, None)


@given(KEYS, KEYS)
def test_two_videos_never_share_a_csv(one: str, other: str) -> None:
    assert (csv_key(one) == csv_key(other)) == (one == other)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("test_0.mp4", "test_0.mp4.csv"),
        ("a.csv", "a.csv.csv"),
        ("a/../b.mp4", "a/../b.mp4.csv"),
        ("/abs.mp4", "/abs.mp4.csv"),
        ("_longer/x", "_longer/x.csv"),
        ("k" * 1020, "k" * 1020 + ".csv"),
        (
            "_long/x",
            "_long/c0e5cb3a7f5c30227d6eabe62f295bcb75ce213088c09ac4a1250633da7776fb.csv",
        ),
    ],
)
def test_the_key_of_a_csv_is_that_of_the_video_with_csv_appended(key: str, expected: str) -> None:
    assert csv_key(key) == expected


@pytest.mark.parametrize(
    "key", ["k" * 1021, "é" * 511, "../up.mp4", "a/../../up.mp4", "./../up", "/..", "_long/"]
)
def test_a_key_that_cannot_have_one_appended_gets_its_digest(key: str) -> None:
    assert csv_key(key).startswith("_long/")


def test_the_contracts_need_the_standard_library_only() -> None:
    check = (
        "import sys; before = set(sys.modules); import hybridsphere.messages;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - sys.stdlib_module_names))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", check], check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "['hybridsphere']"
