"""The stage of the workload's tests: one moto server, and buckets and queues of each test's own.

Their names are like nobody else's: all servers of moto in one process share what is in them.
"""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from hybridsphere.aws import session
from hybridsphere.settings import Settings
from tests.moto_account import moto_account
from tests.workload.workload_stage import Stage

_serial = itertools.count()


@pytest.fixture(scope="session")
def clients() -> Iterator[tuple[Any, Any]]:
    """Clients of S3 and SQS."""
    with moto_account():
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        yield s3, sqs
        s3.close()
        sqs.close()


@pytest.fixture(scope="module")
def _shared_session(clients: tuple[Any, Any]) -> Iterator[None]:
    """One session for the clients of the code under test.

    A new one reads the descriptions of the services anew, which takes longer than most tests.
    Other modules, which run in the same process later, get sessions of their own.
    """
    with pytest.MonkeyPatch.context() as patch:
        shared = session()
        patch.setattr("hybridsphere.aws.one_shot.session", lambda: shared)
        yield


@pytest.fixture
def stage(clients: tuple[Any, Any], _shared_session: None, tmp_path: Path) -> Stage:
    s3, sqs = clients
    serial = next(_serial)
    buckets = [f"workload-{way}-{serial}" for way in ("input", "output")]
    for bucket in buckets:
        s3.create_bucket(Bucket=bucket)
    queues = [f"workload-{way}-{serial}" for way in ("input", "output")]
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in queues]
    videos = tmp_path / "videos"
    videos.mkdir()
    return Stage(
        settings=Settings(
            input_bucket=buckets[0],
            output_bucket=buckets[1],
            input_queue_url=urls[0],
            output_queue_url=urls[1],
            results_dir=tmp_path / "results",
        ),
        s3=s3,
        sqs=sqs,
        videos=videos,
        quiet=Console(file=io.StringIO()),
    )
