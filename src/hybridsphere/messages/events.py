"""S3 events, as they come in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from hybridsphere.messages.fields import (
    BadMessage,
    attempt,
    etag,
    excerpt,
    json_object,
    mapping,
    optional_text,
    text,
    time,
)
from hybridsphere.messages.keys import is_folder
from hybridsphere.messages.version import Version

_EVENT_NAME = re.compile(r"[\w:]{1,100}")
"""The form of every name of an S3 event, also of those to come."""

_OURS = "hybridsphere"
"""The field of a record, or of an EventBridge event, that S3 does not send but a replay does."""


@dataclass(frozen=True, slots=True)
class S3Record:
    """One object that was created in a bucket; `key` is decoded, `event_time` is UTC.

    `attempt` counts replays: a result replaces those of lower attempts at the same version.
    """

    bucket: str
    key: str
    etag: str
    sequencer: str | None
    event_time: str
    attempt: int = 1

    @property
    def version(self) -> Version:
        return Version(self.etag, self.sequencer, self.event_time)

    def to_event(self) -> dict[str, Any]:
        """Make a plain S3 event notification of this record alone, the input of the function."""
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
        if self.attempt != 1:
            record[_OURS] = {"attempt": self.attempt}
        return {"Records": [record]}


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that can never succeed, as it came, and the reason."""

    record: object
    reason: str


@dataclass(frozen=True, slots=True)
class S3Event:
    """The records of one event, by what follows from them.

    `created` are uploads. `ignored` names the events that are no uploads: deletions, tags,
    life-cycle steps, restored archives and folders. `bad` are records that cannot be read.
    """

    created: list[S3Record] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)


def read_s3_event(body: str | Mapping[str, Any]) -> S3Event:
    """Read an S3 event notification, the same wrapped by SNS, or an EventBridge event.

    The `s3:TestEvent` that S3 sends first has no records. Raises BadMessage for any other message.
    """
    event = json_object(body)
    if event.get("Type") == "Notification" and "TopicArn" in event:
        return read_s3_event(text(event, "Message"))
    if event.get("Event") == "s3:TestEvent":
        return S3Event()
    if event.get("source") == "aws.s3" or event.get("detail-type") == "Object Created":
        return _read_eventbridge(event)
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        raise BadMessage("not an S3 event: it has no Records")
    found = S3Event()
    for record in records:
        try:
            _sort_in(found, record)
        except BadMessage as error:
            found.bad.append(BadRecord(record, str(error)))
    return found


def parse_s3_event(body: str | Mapping[str, Any]) -> list[S3Record]:
    """Return the uploads that an S3 event names, which may be none.

    Raises BadMessage unless `body` is an S3 event, and if every upload in it is malformed.
    """
    event = read_s3_event(body)
    if event.bad and not event.created:
        raise BadMessage(event.bad[0].reason)
    return event.created


def _sort_in(found: S3Event, record: object) -> None:
    item = mapping({"record": record}, "record")
    name = item.get("eventName", "ObjectCreated")
    if not isinstance(name, str) or not _EVENT_NAME.fullmatch(name):
        raise BadMessage(f"eventName is {excerpt(name)}, not the name of an event")
    s3 = mapping(item, "s3")
    if not name.removeprefix("s3:").startswith("ObjectCreated"):
        found.ignored.append(name)
        return
    thing = mapping(s3, "object")
    created = S3Record(
        bucket=text(mapping(s3, "bucket"), "name"),
        key=_decoded_key(thing),
        etag=etag(thing, "etag" if "etag" in thing else "eTag"),
        sequencer=optional_text(thing, "sequencer"),
        event_time=time(item, "eventTime"),
        attempt=_attempt(item),
    )
    _add(found, created, thing)


def _read_eventbridge(event: Mapping[str, Any]) -> S3Event:
    found = S3Event()
    if event.get("detail-type") != "Object Created":
        found.ignored.append(excerpt(event.get("detail-type")))
        return found
    detail = mapping(event, "detail")
    thing = mapping(detail, "object")
    created = S3Record(
        bucket=text(mapping(detail, "bucket"), "name"),
        key=text(thing, "key"),
        etag=etag(thing),
        sequencer=optional_text(thing, "sequencer"),
        event_time=time(event, "time"),
        attempt=_attempt(event),
    )
    _add(found, created, thing)
    return found


def _add(found: S3Event, created: S3Record, thing: Mapping[str, Any]) -> None:
    if is_folder(created.key, thing.get("size")):
        found.ignored.append("folder")
    else:
        found.created.append(created)


def _attempt(holder: Mapping[str, Any]) -> int:
    return attempt(mapping(holder, _OURS)) if holder.get(_OURS) is not None else 1


def _decoded_key(thing: Mapping[str, Any]) -> str:
    try:
        return unquote_plus(text(thing, "key"), errors="strict")
    except UnicodeDecodeError as error:
        raise BadMessage(f"key is {excerpt(thing['key'])}, not URL-encoded UTF-8") from error
