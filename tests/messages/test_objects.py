"""CSV objects: a result survives the way through metadata and rows."""

from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import example, given

from hybridsphere.messages import (
    BadMessage,
    Person,
    Result,
    csv_key,
    csv_text,
    faces_key,
    object_metadata,
    result_of_object,
)
from tests.messages.messages_stage import RESULTS
from tests.samples import result

RUN = {
    "faces": 2,
    "faces_key": faces_key("test_0.mp4"),
    "engine": "yunet-sface",
    "place": "lambda",
    "duration_ms": 71,
    "billed_ms": 1071,
    "memory_mb": 210,
    "cold": True,
    "attempt": 2,
}
ADA = Person("ada", "physics", "junior", 0.372, 1.5, "matched", None, None, None, None)
SURE = replace(ADA, runner_up="Zoë", runner_up_distance=0.61, certainty="likely")


def through_the_object(one: Result) -> Result:
    assert one.output_bucket is not None
    return result_of_object(one.output_bucket, csv_key(one.key), object_metadata(one), one.csv)


@given(RESULTS)
@example(result(**RUN))
def test_the_run_of_a_video_survives_the_way_through_an_object(one: Result) -> None:
    # The CSV stands for the people, and an empty file name for no bucket at all.
    one = replace(one, people=(), csv=csv_text([]), output_bucket="b", output_key=csv_key(one.key))
    assert through_the_object(one) == one


def test_distance_runner_up_and_certainty_survive_where_they_fit() -> None:
    row = (SURE.name, SURE.major, SURE.year, SURE.status)
    three = result(people=(SURE,) * 3, csv=csv_text([row] * 3))
    assert through_the_object(three) == three
    many = result(people=(SURE,) * 7, csv=csv_text([row] * 7))
    plain = replace(ADA, distance=None, at_s=None)
    assert through_the_object(many) == replace(many, people=(plain,) * 7)


def test_metadata_fit_the_two_kilobytes_of_s3() -> None:
    reason = "codec_unknown"
    long = replace(
        result("k" * 1024, people=(SURE,), reason=reason, **RUN),
        etag="e" * 32,
        sequencer="0" * 24,
        bucket="b" * 63,
    )
    written = object_metadata(long)
    assert sum(len(name) + len(value.encode()) for name, value in written.items()) <= 2048
    assert all(value.isascii() for value in written.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attempt", "0"),
        ("attempt", "-1"),
        ("faces", "many"),
        ("billed-ms", "9" * 30),
        ("people", b64encode(b"[[1]]").decode()),
        ("people", b64encode(b'[["near", 0, null, null, null]]').decode()),
        ("people", b64encode(b"[[0.3, 0, 7, null, null]]").decode()),
        ("people", b64encode(b"7").decode()),
    ],
)
def test_unreadable_metadata_are_a_bad_message(name: str, value: str) -> None:
    one = result(people=(SURE,))
    metadata = {**object_metadata(one), name: value}
    with pytest.raises(BadMessage, match=name):
        result_of_object("output", csv_key(one.key), metadata, one.csv)


def test_metadata_for_other_rows_leave_the_people_of_the_csv() -> None:
    one = result(people=(SURE,))
    metadata = {**object_metadata(one), "people": b64encode(b"[]").decode()}
    found = result_of_object("output", csv_key(one.key), metadata, one.csv)
    assert [person.distance for person in found.people] == [None]
