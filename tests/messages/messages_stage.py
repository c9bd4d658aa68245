"""Strategies and examples of messages."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from hybridsphere.messages import (
    STATUSES,
    BadMessage,
    Person,
    Result,
    S3Record,
    faces_key,
    utc_text,
)
from tests.samples import (
    BUCKET,
    CHARACTERS,
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


RECORDS = st.builds(
    S3Record,
    bucket=NAME,
    key=NAME,
    etag=ETAG,
    sequencer=SEQUENCER,
    event_time=TIME,
    attempt=st.integers(1, 2**63 - 1),
)


NUMBER = st.floats(allow_nan=False, allow_infinity=False)
MILLISECONDS = st.integers(0, 2**41)


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
    spans=st.none() | st.lists(st.tuples(MILLISECONDS, MILLISECONDS), max_size=3).map(tuple),
    runner_up=st.none() | NAME,
    runner_up_distance=st.none() | NUMBER,
    certainty=st.none() | st.sampled_from(["sure", "likely", "doubtful"]),
)


COUNT = st.integers(0, 2**63 - 1)
USAGE: dict[str, st.SearchStrategy[Any]] = {
    "faces": st.none() | COUNT,
    "engine": st.none() | NAME,
    "place": st.none() | NAME,
    "duration_ms": st.none() | COUNT,
    "billed_ms": st.none() | COUNT,
    "memory_mb": st.none() | COUNT,
    "cold": st.none() | st.booleans(),
    "attempt": st.integers(1, 2**63 - 1),
}


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
    **USAGE,
).map(lambda one: replace(one, faces_key=None if one.faces is None else faces_key(one.key)))


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
