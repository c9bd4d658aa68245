"""What travels: S3 events in, results out, and the keys of both.

Both sides import this module, the bridge and the function, so it needs the standard library only.
"""

import csv
import hashlib
import io
import json
import math
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, unquote_plus

SCHEMA = "hybridsphere.result/1"
STATUSES = ("matched", "no_record", "unknown_face", "no_face", "unreadable", "failed")
"""Every way an upload can end, the best first."""

CSV_COLUMNS = ("name", "major", "year", "status")
ATTENDANCE_COLUMNS = (*CSV_COLUMNS, "first_s", "last_s", "sightings")

MAX_KEY_BYTES = 1024
"""Longest key S3 accepts, in bytes of UTF-8 (Amazon S3 user guide, "Naming Amazon S3 objects")."""


class BadMessage(ValueError):
    """A message that can never succeed; its text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Version:
    """Which upload of a key: S3's sequencer where there is one, else ETag and event time."""

    etag: str
    sequencer: str | None
    event_time: str

    @property
    def id(self) -> str:
        return self.sequencer or f"{self.etag}@{self.event_time}"

    def newer_than(self, other: "Version") -> bool:
        """Whether this version was uploaded after the other.

        Sequencers are compared right-padded with zeros, as hexadecimal digits of either case
        (Amazon S3 user guide, "Event message structure"). Without a pair of them the event times
        decide, and within one millisecond the ETags, so that all who compare agree.
        """
        if self.sequencer and other.sequencer:
            width = max(len(self.sequencer), len(other.sequencer))
            mine = self.sequencer.upper().ljust(width, "0")
            return mine > other.sequencer.upper().ljust(width, "0")
        return (self.event_time, self.etag) > (other.event_time, other.etag)


@dataclass(frozen=True, slots=True)
class S3Record:
    """One object that was created in a bucket; `key` is decoded, `event_time` is UTC."""

    bucket: str
    key: str
    etag: str
    sequencer: str | None
    event_time: str

    @property
    def version(self) -> Version:
        return Version(self.etag, self.sequencer, self.event_time)

    def to_event(self) -> dict[str, Any]:
        """A plain S3 event notification of this record alone, as Lambda is to be given it."""
        item = {"key": quote_plus(self.key, safe="/"), "eTag": self.etag}
        if self.sequencer:
            item["sequencer"] = self.sequencer
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": self.event_time,
            "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": self.bucket}, "object": item},
        }
        return {"Records": [record]}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was seen: `distance` to the known face, `at_s` seconds into the video.

    A CSV does not tell these two. The last four are filled in attendance only.
    """

    name: str
    major: str
    year: str
    distance: float | None = None
    at_s: float | None = None
    status: str | None = None
    first_s: float | None = None
    last_s: float | None = None
    sightings: int | None = None

    def to_dict(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Result:
    """How one version of one upload ended."""

    bucket: str
    key: str
    etag: str
    sequencer: str | None
    event_time: str
    status: str
    csv: str
    reason: str | None = None
    people: tuple[Person, ...] = ()
    started_at: str | None = None
    finished_at: str | None = None
    output_bucket: str | None = None
    output_key: str | None = None

    @property
    def version(self) -> Version:
        return Version(self.etag, self.sequencer, self.event_time)

    def to_json(self) -> str:
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields["people"] = [person.to_dict() for person in self.people]
        return json.dumps({"schema": SCHEMA, **fields}, ensure_ascii=False)

    @classmethod
    def failed(cls, record: S3Record, reason: str) -> "Result":
        """The result of an upload that the function could not process."""
        return cls(
            bucket=record.bucket,
            key=record.key,
            etag=record.etag,
            sequencer=record.sequencer,
            event_time=record.event_time,
            status="failed",
            reason=reason,
            csv=csv_text([("", "", "", "failed")]),
        )


def utc_text(moment: datetime | None = None) -> str:
    """A moment (by default now) as `2026-11-21T00:00:00.000Z`; a naive one is taken as UTC."""
    moment = moment or datetime.now(UTC)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def csv_text(rows: Iterable[Sequence[object]], columns: Sequence[str] = CSV_COLUMNS) -> str:
    """A CSV as the contract has it: a header, then the rows, each ended by CR LF."""
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    return text.getvalue()


def csv_key(key: str) -> str:
    """The key of a video's CSV: one to one, and readable backwards but for those under `_long/`."""
    plain = f"{key}.csv"
    if key.startswith("_long/") or len(plain.encode()) > MAX_KEY_BYTES or _climbs_out(key):
        return f"_long/{hashlib.sha256(key.encode()).hexdigest()}.csv"
    return plain


def _climbs_out(key: str) -> bool:
    """Whether a key's `..` segments would lead above the root of the bucket, which S3 refuses."""
    depth = 0
    for segment in key.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(segment, 1)
        if depth < 0:
            return True
    return False


def parse_s3_event(body: str | Mapping[str, Any]) -> list[S3Record]:
    """The created objects that an S3 event names; none for the `s3:TestEvent` that S3 sends first.

    Takes S3's own event, the same wrapped by SNS, and an EventBridge event, told apart by their own
    fields. Raises BadMessage for everything else.
    """
    event = _json_object(body) if isinstance(body, str) else body
    if event.get("Type") == "Notification" and "TopicArn" in event:
        return parse_s3_event(_text(event, "Message"))
    if event.get("Event") == "s3:TestEvent":
        return []
    if event.get("detail-type") == "Object Created":
        return [_eventbridge_record(event)]
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        raise BadMessage("not an S3 event: it has no Records")
    return [_s3_record(record) for record in records]


def parse_output(body: str) -> list[Result]:
    """The results in a message of the output queue: one from the function, or what Lambda's
    on-failure record says was lost. Raises BadMessage for everything else.
    """
    message = _json_object(body)
    if "requestContext" in message and "requestPayload" in message:
        return _parse_failure(message)
    if message.get("schema") != SCHEMA:
        raise BadMessage(f"schema is {_shown(message.get('schema'))}, not {SCHEMA!r}")
    return [_result(message)]


def result_of_object(
    bucket: str, object_key: str, metadata: Mapping[str, str], text: str
) -> Result:
    """The result that a CSV object stands for: what its key, its metadata and its rows carry.

    Raises BadMessage for an object that is no CSV of ours.
    """
    key = _decoded(metadata, "key")
    if csv_key(key) != object_key:
        raise BadMessage(f"metadata say that it is the CSV of {_shown(key)}")
    return Result(
        bucket=_decoded(metadata, "bucket"),
        key=key,
        etag=_text(metadata, "etag"),
        sequencer=_optional_text(metadata, "sequencer"),
        event_time=_time(metadata, "event-time"),
        status=_status(metadata),
        csv=text,
        reason=_optional_text(metadata, "reason"),
        people=tuple(_people_of_csv(text)),
        started_at=_optional_time(metadata, "started-at"),
        finished_at=_optional_time(metadata, "finished-at"),
        output_bucket=bucket,
        output_key=object_key,
    )


def _people_of_csv(text: str) -> Iterator[Person]:
    for row in csv.DictReader(io.StringIO(text, newline="")):
        try:
            if not row["name"]:
                continue
            person = Person(row["name"], row["major"], row["year"], status=row["status"])
            if "sightings" in row:
                person = replace(
                    person,
                    first_s=float(row["first_s"]),
                    last_s=float(row["last_s"]),
                    sightings=int(row["sightings"]),
                )
        except (KeyError, TypeError, ValueError) as error:
            raise BadMessage(f"not a CSV of ours: {_shown(error)}") from error
        yield person


def _decoded(metadata: Mapping[str, str], name: str) -> str:
    try:
        return b64decode(_text(metadata, name), validate=True).decode()
    except ValueError as error:
        raise BadMessage(f"metadata have no {name} of ours: {_shown(error)}") from error


def _s3_record(record: object) -> S3Record:
    item = _mapping({"record": record}, "record")
    name = item.get("eventName", "ObjectCreated")
    if not isinstance(name, str) or not name.removeprefix("s3:").startswith("ObjectCreated"):
        raise BadMessage(f"eventName is {_shown(name)}, not the creation of an object")
    s3 = _mapping(item, "s3")
    thing = _mapping(s3, "object")
    try:
        key = unquote_plus(_text(thing, "key"), errors="strict")
    except UnicodeDecodeError as error:
        raise BadMessage(f"key is {_shown(thing['key'])}, not URL-encoded UTF-8") from error
    return S3Record(
        bucket=_text(_mapping(s3, "bucket"), "name"),
        key=key,
        etag=_text(thing, "eTag"),
        sequencer=_optional_text(thing, "sequencer"),
        event_time=_time(item, "eventTime"),
    )


def _eventbridge_record(event: Mapping[str, Any]) -> S3Record:
    detail = _mapping(event, "detail")
    thing = _mapping(detail, "object")
    return S3Record(
        bucket=_text(_mapping(detail, "bucket"), "name"),
        key=_text(thing, "key"),
        etag=_text(thing, "etag"),
        sequencer=_optional_text(thing, "sequencer"),
        event_time=_time(event, "time"),
    )


def _parse_failure(message: Mapping[str, Any]) -> list[Result]:
    """Lambda's record of an asynchronous invocation that it gave up (AWS Lambda developer guide,
    "Capturing records of Lambda asynchronous invocations").
    """
    reason = _text(_mapping(message, "requestContext"), "condition")
    response = message.get("responsePayload")
    if isinstance(response, Mapping):
        detail = [response.get("errorType"), response.get("errorMessage")]
        reason = ": ".join([reason, *(str(part) for part in detail if part)])
    records = parse_s3_event(_mapping(message, "requestPayload"))
    return [Result.failed(record, reason) for record in records]


def _result(message: Mapping[str, Any]) -> Result:
    people = message.get("people", [])
    if not isinstance(people, list):
        raise BadMessage(f"people is {_shown(people)}, not a list")
    return Result(
        bucket=_text(message, "bucket"),
        key=_text(message, "key"),
        etag=_text(message, "etag"),
        sequencer=_optional_text(message, "sequencer"),
        event_time=_time(message, "event_time"),
        status=_status(message),
        csv=_text(message, "csv"),
        reason=_optional_text(message, "reason"),
        people=tuple(_person(person) for person in people),
        started_at=_optional_time(message, "started_at"),
        finished_at=_optional_time(message, "finished_at"),
        output_bucket=_optional_text(message, "output_bucket"),
        output_key=_optional_text(message, "output_key"),
    )


def _status(holder: Mapping[str, Any]) -> str:
    status = _text(holder, "status")
    if status not in STATUSES:
        raise BadMessage(f"status is {_shown(status)}, not one of {', '.join(STATUSES)}")
    return status


def _person(value: object) -> Person:
    fields = _mapping({"person": value}, "person")
    try:
        return Person(
            name=_text(fields, "name"),
            major=str(fields["major"]),
            year=str(fields["year"]),
            distance=_finite(fields["distance"]),
            at_s=_finite(fields["at_s"]),
            **{name: fields[name] for name in Person.__slots__[5:] if name in fields},
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadMessage(f"people holds {_shown(value)}: {_shown(error)}") from error


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
        # JSON can carry halves of surrogate pairs, which no file, database or key can.
        text.encode()
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from error
    return _mapping({"message": value}, "message")


def _mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    if not isinstance(value, Mapping):
        raise BadMessage(f"{name} is {_shown(value)}, not a JSON object")
    return value


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value:
        raise BadMessage(f"{name} is {_shown(value)}, not a text")
    return value


def _optional_text(holder: Mapping[str, Any], name: str) -> str | None:
    return None if holder.get(name) in (None, "") else _text(holder, name)


def _time(holder: Mapping[str, Any], name: str) -> str:
    try:
        return utc_text(datetime.fromisoformat(_text(holder, name)))
    except (ValueError, OverflowError) as error:
        raise BadMessage(f"{name} is {_shown(holder.get(name))}, not an ISO 8601 time") from error


def _optional_time(holder: Mapping[str, Any], name: str) -> str | None:
    return None if holder.get(name) is None else _time(holder, name)


def _shown(value: object) -> str:
    """A value for an error message, cut so that a megabyte of nothing makes a line, not a page."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
