"""Results: every text ends in results or in a BadMessage."""

import csv
import io
import json
import math
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridsphere.messages import (
    ATTENDANCE_COLUMNS,
    LONGEST_TEXT,
    SCHEMA,
    BadMessage,
    Result,
    csv_text,
    parse_output,
    result_of_object,
)
from tests.messages.messages_stage import (
    JSON,
    OUTPUTS,
    RESULTS,
    TEXT,
    parses,
    paths_of,
    spoiled,
)
from tests.samples import (
    failure_record,
    record,
    result,
)


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
        "attempt": 1,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("faces_key", "_faces/other.mp4.csv.zip"),
        ("faces_key", "../test_0.mp4"),
        ("faces_key", 3),
        ("faces", -1),
        ("faces", 1.5),
        ("faces", True),
        ("duration_ms", "1"),
        ("memory_mb", 2**63),
        ("cold", 1),
        ("engine", ["dlib"]),
        ("attempt", 0),
        ("attempt", "2"),
    ],
)
def test_a_field_of_the_run_of_another_type_is_a_bad_message(field: str, value: Any) -> None:
    message = {**json.loads(result().to_json()), field: value}
    with pytest.raises(BadMessage, match=field):
        parse_output(json.dumps(message))


def test_a_failure_keeps_the_number_of_its_attempt() -> None:
    body = failure_record(record(attempt=3), condition="EventAgeExceeded")
    (lost,) = parse_output(body)
    assert lost == Result.failed(record(attempt=3), "EventAgeExceeded")
    assert lost.attempt == 3


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


@pytest.mark.parametrize("cell", ["1.0", "a-b", "1-2-3", "-1.0-2.0", "0-1e308", "0-inf"])
def test_spans_of_a_foreign_csv_are_refused(cell: str) -> None:
    text = csv_text([("ada", "", "", "matched", 0.0, 1.0, 2, cell)], ATTENDANCE_COLUMNS)
    metadata = {
        "key": b64encode(b"test_0.mp4").decode(),
        "bucket": b64encode(b"videos").decode(),
        "etag": "e1",
        "event-time": "2026-11-21T00:00:00.000Z",
        "status": "matched",
    }
    with pytest.raises(BadMessage, match="not a CSV of the function"):
        result_of_object("output", "test_0.mp4.csv", metadata, text)
