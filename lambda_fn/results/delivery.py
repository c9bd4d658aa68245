"""Results on their way out: the CSV to the bucket, then the message to the queue."""

import csv
import io
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from hybridsphere.messages import MAX_KEY_BYTES, MOST_CSV_BYTES, Result, Version, csv_text
from lambda_fn.runtime.aws import error_code, http_status

MOST_MESSAGE_BYTES = 1_048_576
"""Amazon SQS developer guide, "Amazon SQS message quotas": some four thousand people."""

# Each attempt is lost to another writer of the same key, who then is done: so many at the same
# moment do not happen.
_ATTEMPTS = 20


class Reporter:
    """Delivers results; everything it raises is an outage, and worth another attempt."""

    def __init__(self, s3: Any, sqs: Any, queue_url: str | None) -> None:
        self._s3 = s3
        self._sqs = sqs
        self._queue_url = queue_url

    def deliver(self, result: Result) -> None:
        """Writes the CSV, unless one of a newer version is there; then sends the message, where
        there is a queue for it. What no message can carry, or no bridge would read, ends as
        `too_large`, in both.
        """
        if len(result.csv.encode()) > MOST_CSV_BYTES:
            result = _too_large(result)
        if self._queue_url is None:
            self._put_csv(result)
            return
        body = result.to_json()
        if len(body.encode()) > MOST_MESSAGE_BYTES:
            result = _too_large(result)
            body = result.to_json()
        self._put_csv(result)
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)

    def _put_csv(self, result: Result) -> None:
        target = {"Bucket": result.output_bucket, "Key": result.output_key}
        content = {
            "Body": result.csv.encode(),
            "ContentType": "text/csv; charset=utf-8",
            "Metadata": metadata(result),
        }
        condition = {"IfNoneMatch": "*"}
        for _ in range(_ATTEMPTS):
            try:
                self._s3.put_object(**target, **content, **condition)
            except ClientError as error:
                if not _lost(error):
                    raise
            else:
                return
            condition = self._replacing(target, result.version)
            if not condition:
                return
        raise RuntimeError(
            f"s3://{result.output_bucket}/{result.output_key} was written by others "
            f"{_ATTEMPTS} times in a row: see who else writes there"
        )

    def _replacing(self, target: Mapping[str, str | None], mine: Version) -> dict[str, str]:
        """The condition under which an object there may be replaced; none where it is to stay."""
        try:
            there = self._s3.head_object(**target)
        except ClientError as error:
            if http_status(error) == 404:
                return {"IfNoneMatch": "*"}
            raise
        theirs = version_of(there["Metadata"])
        if theirs is None or not mine.newer_than(theirs):
            return {}
        return {"IfMatch": there["ETag"]}


def metadata(result: Result) -> dict[str, str]:
    """What a CSV object says about itself; bucket and key as base64, since headers are ASCII."""
    fields = {
        "bucket": _encoded(result.bucket),
        # S3 takes 2 KB of metadata. A longer key is none of S3's, and names no object.
        "key": _encoded(result.key) if len(result.key.encode()) <= MAX_KEY_BYTES else None,
        "etag": result.etag,
        "sequencer": result.sequencer,
        "event-time": result.event_time,
        "status": result.status,
        "reason": result.reason,
        "started-at": result.started_at,
        "finished-at": result.finished_at,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _too_large(result: Result) -> Result:
    """The result of a video that showed more people than can be told."""
    columns = next(csv.reader(io.StringIO(result.csv)))
    status = "unreadable"
    row = [status if column == "status" else "" for column in columns]
    text = csv_text([row], columns)
    return replace(result, status=status, reason="too_large", people=(), csv=text)


def version_of(fields: Mapping[str, str]) -> Version | None:
    """The video's version in the metadata of a CSV object; None where somebody else wrote it."""
    if not {"etag", "event-time"} <= fields.keys():
        return None
    return Version(fields["etag"], fields.get("sequencer"), fields["event-time"])


def _lost(error: ClientError) -> bool:
    """Whether a write came second: the object is not as the condition says, another conditional
    write is under way, or the object that was to be replaced has just been deleted.
    """
    return http_status(error) in {409, 412} or error_code(error) == "NoSuchKey"


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode()
