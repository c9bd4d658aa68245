"""The page with an account: it plays videos, and replays uploads."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.moto_account import moto_account
from tests.page.conftest import Open
from tests.page.page_stage import Visitor, store
from tests.samples import BUCKET, result

VIDEO = bytes(range(256)) * 1000


@pytest.fixture
def account(_no_account: None) -> Iterator[None]:
    with moto_account():
        yield


@pytest.fixture
def etag(account: None) -> str:
    """The ETag of a video in the input bucket."""
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return str(s3.put_object(Bucket=BUCKET, Key="a.mp4", Body=VIDEO)["ETag"]).strip('"')


@pytest.fixture
async def watching(open_page: Open, tmp_path: Path, etag: str) -> Visitor:
    """Somebody at a page with an account, whose one upload has failed."""
    sqs: Any = boto3.client("sqs")
    url = sqs.create_queue(QueueName="input")["QueueUrl"]
    store(tmp_path, result("a.mp4", etag=etag, status="failed", reason="x", people=()))
    return await open_page(input_queue_url=url)


async def test_a_video_is_passed_on_by_ranges(watching: Visitor) -> None:
    whole = await watching.get("/media?key=a.mp4")
    assert (whole.status, whole.content_type) == (200, "video/mp4")
    assert await whole.read() == VIDEO
    part = await watching.get("/media?key=a.mp4", Range="bytes=1000-1999")
    assert part.status == 206
    assert part.headers["Content-Range"] == f"bytes 1000-1999/{len(VIDEO)}"
    assert await part.read() == VIDEO[1000:2000]
    for odd in ("bytes=5-1", "bytes=x", "lines=1-2", "bytes=-"):
        answer = await watching.get("/media?key=a.mp4", Range=odd)
        assert answer.status in {200, 404}, odd
        await answer.read()
    # An object that the ledger does not know is nobody's business.
    boto3.client("s3").put_object(Bucket=BUCKET, Key="secret.txt", Body=b"x")
    assert (await watching.get("/media?key=secret.txt")).status == 404


async def test_a_replaced_video_is_not_played_for_the_old_one(watching: Visitor) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key="a.mp4", Body=b"another")
    assert (await watching.get("/media?key=a.mp4")).status == 404


async def test_a_failed_upload_is_replayed_once(watching: Visitor) -> None:
    (row,) = (await watching.json("/system.json"))["rows"]
    form = {"what": "one", "key": row["key"], "version": row["version"]}
    answer = await watching.post("/replay", form)
    assert (await answer.json())["text"] == "1 is on the way again."
    url = watching.site.settings.input_queue_url
    (message,) = boto3.client("sqs").receive_message(QueueUrl=url)["Messages"]
    record = json.loads(message["Body"])["Records"][0]
    assert record["s3"]["object"]["key"] == "a.mp4"
    again = await watching.post("/replay", {"what": "failed"})
    assert "replayed before" in (await again.json())["text"]
    assert (await watching.post("/replay", {"what": "everything"})).status == 422
