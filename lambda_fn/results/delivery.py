"""Results on their way out: the CSV to the bucket, then the message to the queue."""

import csv
import io
from dataclasses import replace
from typing import Any

from hybridsphere.messages import MOST_CSV_BYTES, Result, csv_text
from lambda_fn.results.csv_object import csv_writer

MOST_MESSAGE_BYTES = 1_048_576
"""Amazon SQS developer guide, "Amazon SQS message quotas": some four thousand people."""


class Reporter:
    """Delivers results. Every error it raises is an outage, and Lambda retries."""

    def __init__(self, s3: Any, sqs: Any, queue_url: str | None) -> None:
        self._csv = csv_writer(s3)
        self._sqs = sqs
        self._queue_url = queue_url

    def deliver(self, result: Result) -> None:
        """Write the CSV, unless one of a newer version is there; then send the message, if there
        is a queue for it. A result that exceeds the limits of SQS or of the bridge becomes
        `too_large` in both.
        """
        if len(result.csv.encode()) > MOST_CSV_BYTES:
            result = _too_large(result)
        if self._queue_url is None:
            self._csv.write(result)
            return
        body = result.to_json()
        if len(body.encode()) > MOST_MESSAGE_BYTES:
            result = _too_large(result)
            body = result.to_json()
        self._csv.write(result)
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)


def _too_large(result: Result) -> Result:
    """Return the result of a video with more people than a message or a CSV can hold."""
    columns = next(csv.reader(io.StringIO(result.csv)))
    status = "unreadable"
    row = [status if column == "status" else "" for column in columns]
    text = csv_text([row], columns)
    return replace(result, status=status, reason="too_large", people=(), csv=text)
