"""Records, results and messages that several tests need."""

import json
from typing import Any

from hypothesis import strategies as st

from hybridsphere.messages import Person, Result, S3Record

BUCKET = "input-bucket-video"
EVENT_TIME = "2026-11-21T00:00:00.000Z"
PERSON = Person("president_trump", "physics", "junior", distance=0.372, at_s=0.0)

ODD_KEYS = (
    "a b+ü/ß.mp4",
    "x.MP4",
    "<b>&.mp4",
    "100%.mp4",
    "k" * 1020 + ".mp4",
    "../../../../etc/passwd.mp4",
    "a/../b.mp4",
    "b.mp4",
    "/abs.mp4",
    "abs.mp4",
    "a//b.mp4",
    "a/b.mp4",
    "a/b.mp4.csv/c.mp4",
    "nul\0.mp4",
    "_hybridsphere/ledger.sqlite3",
    "_long/x.mp4",
    "/" * 100 + "x.mp4",
)
"""Keys that want to leave the results folder, to collide, or not to fit; some only come forged."""

# Whatever UTF-8 can encode; hypothesis's own default finds that out anew in seconds.
CHARACTERS = st.characters(exclude_categories=["Cs"])


def record(key: str = "test_0.mp4", **more: Any) -> S3Record:
    fields = {"bucket": BUCKET, "etag": "e1", "sequencer": "01", "event_time": EVENT_TIME}
    return S3Record(key=key, **{**fields, **more})


def result(key: str = "test_0.mp4", **more: Any) -> Result:
    fields = {
        "bucket": BUCKET,
        "etag": "e1",
        "sequencer": "01",
        "event_time": EVENT_TIME,
        "status": "matched",
        "csv": f"name,major,year,status\r\n{key},physics,junior,matched\r\n",
        "people": (PERSON,),
        "started_at": "2026-11-21T00:00:01.000Z",
        "finished_at": "2026-11-21T00:00:02.000Z",
        "output_bucket": "output-bucket-vid",
        "output_key": f"{key}.csv",
    }
    return Result(key=key, **{**fields, **more})


def s3_event(*records: S3Record) -> str:
    """An S3 event notification of these records, as S3 sends it."""
    return json.dumps({"Records": [one.to_event()["Records"][0] for one in records]})


def failure_record(*records: S3Record, condition: str, **more: Any) -> str:
    """What Lambda sends for an asynchronous invocation that it gave up."""
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": "2026-11-21T00:03:00.000Z",
            "requestContext": {
                "requestId": "b7e1",
                "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
                "condition": condition,
                "approximateInvokeCount": 3,
            },
            "requestPayload": json.loads(s3_event(*records)),
            **more,
        }
    )
