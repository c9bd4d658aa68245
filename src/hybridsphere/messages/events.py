"""In: the events of S3."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from hybridsphere.messages.fields import (
    BadMessage,
    json_object,
    mapping,
    optional_text,
    shown,
    text,
    time,
)
from hybridsphere.messages.version import Version


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


def parse_s3_event(body: str | Mapping[str, Any]) -> list[S3Record]:
    """The created objects that an S3 event names; none for the `s3:TestEvent` that S3 sends first.

    Takes S3's own event, the same wrapped by SNS, and an EventBridge event, told apart by their own
    fields. Raises BadMessage for everything else.
    """
    event = json_object(body) if isinstance(body, str) else body
    if event.get("Type") == "Notification" and "TopicArn" in event:
        return parse_s3_event(text(event, "Message"))
    if event.get("Event") == "s3:TestEvent":
        return []
    if event.get("detail-type") == "Object Created":
        return [_eventbridge_record(event)]
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        raise BadMessage("not an S3 event: it has no Records")
    return [_s3_record(record) for record in records]


def _s3_record(record: object) -> S3Record:
    item = mapping({"record": record}, "record")
    name = item.get("eventName", "ObjectCreated")
    if not isinstance(name, str) or not name.removeprefix("s3:").startswith("ObjectCreated"):
        raise BadMessage(f"eventName is {shown(name)}, not the creation of an object")
    s3 = mapping(item, "s3")
    thing = mapping(s3, "object")
    try:
        key = unquote_plus(text(thing, "key"), errors="strict")
    except UnicodeDecodeError as error:
        raise BadMessage(f"key is {shown(thing['key'])}, not URL-encoded UTF-8") from error
    return S3Record(
        bucket=text(mapping(s3, "bucket"), "name"),
        key=key,
        etag=text(thing, "eTag"),
        sequencer=optional_text(thing, "sequencer"),
        event_time=time(item, "eventTime"),
    )


def _eventbridge_record(event: Mapping[str, Any]) -> S3Record:
    detail = mapping(event, "detail")
    thing = mapping(detail, "object")
    return S3Record(
        bucket=text(mapping(detail, "bucket"), "name"),
        key=text(thing, "key"),
        etag=text(thing, "etag"),
        sequencer=optional_text(thing, "sequencer"),
        event_time=time(event, "time"),
    )
