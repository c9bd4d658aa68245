# ruff: noqa: ANN001, ANN201
"""A function that finds nobody in any video, and reports that by the real function's own way out.

What else it is to do stands in the video's key.
"""

import os
import resource
import signal
import time
from pathlib import Path

import boto3

from hybridsphere.messages import Result, csv_key, csv_text, parse_s3_event, utc_text
from lambda_fn.report import Reporter

ATTEMPTS = Path(os.environ["ATTEMPTS"])
CLIENTS = [boto3.client("s3"), boto3.client("sqs")]


def handler(event, context):
    for record in parse_s3_event(event):
        with ATTEMPTS.open("a") as attempts:
            attempts.write(f"{record.key}\n")
        misbehave(record.key, context)
        at = utc_text()
        result = Result(
            bucket=record.bucket,
            key=record.key,
            etag=record.etag,
            sequencer=record.sequencer,
            event_time=record.event_time,
            status="no_face",
            # As many as there are versions, no two alike.
            csv=csv_text([[record.key, record.version.id, "", "no_face"]]),
            started_at=at,
            finished_at=utc_text(),
            output_bucket=os.environ["HYBRIDSPHERE_OUTPUT_BUCKET"],
            output_key=csv_key(record.key),
        )
        Reporter(*CLIENTS, os.environ["HYBRIDSPHERE_OUTPUT_QUEUE_URL"]).deliver(result)


def misbehave(key, context):
    word, _, rest = key.partition("/")
    times = ATTEMPTS.read_text().splitlines().count(key)
    if rest.startswith("once") and times > 1:
        return
    if word == "fail":
        raise ValueError("told to fail")
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "crowded":
        resource.setrlimit(resource.RLIMIT_AS, (256 * 1024**2, resource.RLIM_INFINITY))
        bytearray(1024**3)
    if word == "endless":
        time.sleep(3600)
    if word == "slow":
        time.sleep(0.2)
