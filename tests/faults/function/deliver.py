# ruff: noqa: ANN001, ANN002, ANN201, ANN202
"""A function that finds nobody in any video, and delivers that as the real function does.

The video's key can ask for a fault.
"""

import os
import resource
import signal
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

from hybridsphere.messages import Result, csv_key, csv_text, faces_key, parse_s3_event, utc_text

ATTEMPTS = Path(os.environ["ATTEMPTS"])
ROOT = str(Path(__file__).parents[3])


def handler(event, context):
    videos = []
    for record in parse_s3_event(event):
        with ATTEMPTS.open("a") as attempts:
            attempts.write(f"{record.key}\n")
        misbehave(record.key)
        at = utc_text()
        result = Result(
            bucket=record.bucket,
            key=record.key,
            etag=record.etag,
            sequencer=record.sequencer,
            event_time=record.event_time,
            status="no_face",
            # One CSV for each version, all different.
            csv=csv_text([[record.key, record.version.id, "", "no_face"]]),
            started_at=at,
            finished_at=utc_text(),
            output_bucket=os.environ["HYBRIDSPHERE_OUTPUT_BUCKET"],
            output_key=csv_key(record.key),
        )
        deliver(result)
        videos.append(answer(result))
    return {"videos": videos}


def deliver(result):
    """Deliver a result, with faces where the key asks for them."""
    word, _, rest = result.key.partition("/")
    if word != "faces":
        reporter().deliver(result)
        return
    # The folder of `tests`, which is not installed.
    if ROOT not in sys.path:
        sys.path.append(ROOT)
    # numpy and Pillow, which only these videos need.
    from tests.faults.function.faces import FACES, content  # noqa: PLC0415

    result = replace(result, faces_key=faces_key(result.key), faces=FACES)
    reporter(loses_faces=rest.startswith("gone")).deliver(result, content(result))


def answer(result):
    return {
        name: getattr(result, name)
        for name in ("bucket", "key", "etag", "sequencer", "event_time", "status", "reason")
    }


@cache
def reporter(*, loses_faces=False):
    # Half a second that those who die before need not pay.
    import boto3  # noqa: PLC0415

    from lambda_fn.results.delivery import Reporter  # noqa: PLC0415

    class Losing(Reporter):
        """A reporter whose objects with faces the lifecycle has deleted at once."""

        def _keep(self, *_):
            return True

    queue_url = os.environ.get("HYBRIDSPHERE_OUTPUT_QUEUE_URL")
    return (Losing if loses_faces else Reporter)(boto3.client("s3"), boto3.client("sqs"), queue_url)


def misbehave(key):
    word, _, rest = key.partition("/")
    times = ATTEMPTS.read_text().splitlines().count(key)
    if rest.startswith("once") and times > 1:
        return
    if word == "fail":
        raise ValueError("told to fail")
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "crowded":
        run_out_of_memory()
    if word == "endless":
        time.sleep(3600)
    if word == "slow":
        time.sleep(0.2)


def run_out_of_memory():
    """Asks for more than it may have; the worker itself has room again afterwards."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1024**2, before[1]))
    try:
        bytearray(1024**3)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
