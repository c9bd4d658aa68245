"""Results on their way out: faces and CSV to the bucket, then the message to the queue."""

import csv
import io
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from hybridsphere.messages import MOST_CSV_BYTES, Result, csv_text
from lambda_fn.results.csv_object import csv_writer
from lambda_fn.runtime.aws import error_code, http_status
from lambda_fn.runtime.log import log

MOST_MESSAGE_BYTES = 1_048_576
"""Amazon SQS developer guide, "Amazon SQS message quotas": some four thousand people."""


# Not allowed, too large, or not to be kept: a repetition changes nothing.
_REFUSALS = {400, 403, 405, 411, 413}


class Reporter:
    """Delivers results. Every error it raises is an outage, and Lambda retries."""

    def __init__(self, s3: Any, sqs: Any, queue_url: str | None) -> None:
        self._csv = csv_writer(s3)
        self._sqs = sqs
        self._queue_url = queue_url

    def deliver(self, result: Result, faces: bytes | None = None) -> None:
        """Write faces and CSV, unless those of a newer version are there; then send the message,
        if there is a queue for it. A result that exceeds the limits of SQS or of the bridge becomes
        `too_large` in both.
        """
        if faces is None or not self._keep(result, faces):
            result = replace(result, faces_key=None, faces=None)
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

    def _keep(self, result: Result, faces: bytes) -> bool:
        """Write the faces; False if the bucket refuses them, or has those of a newer version.

        An answer is worth more than its evidence: a missing permission must not lose it.
        """
        try:
            return self._csv.write_faces(result, faces)
        except ClientError as error:
            # Lambda retries outages; the CSV would meet a missing bucket as well.
            if http_status(error) not in _REFUSALS:
                raise
            log(
                "faces.refused",
                level="warning",
                bucket=result.output_bucket,
                key=result.faces_key,
                error=error_code(error),
            )
            return False


def _too_large(result: Result) -> Result:
    """Return the result of a video with more people than a message or a CSV can hold."""
    columns = next(csv.reader(io.StringIO(result.csv)))
    status = "unreadable"
    row = [status if column == "status" else "" for column in columns]
    text = csv_text([row], columns)
    return replace(result, status=status, reason="too_large", people=(), csv=text)
