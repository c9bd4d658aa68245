"""The function's image: its command takes events from the Runtime API, as it does on Lambda."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hybridsphere.demo import clips
from hybridsphere.host.function import Invocation, Response
from hybridsphere.host.runtime_api import RuntimeApi
from hybridsphere.local import resources
from hybridsphere.local.account import LocalAccount
from hybridsphere.messages import S3Record, utc_text
from tests.deploy.images.image_stage import PATIENCE_S, REPOSITORY, Container, client_of

WORKLOAD = REPOSITORY.parent / "shared" / "workload"

pytestmark = pytest.mark.images


async def hybridsphere(account: LocalAccount, *arguments: object) -> None:
    """Runs a command of ours in an account."""
    command = [sys.executable, "-m", "hybridsphere", *map(str, arguments)]
    environment = {**os.environ, **account.environment()}
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    assert await process.wait() == 0


@asynccontextmanager
async def function_of(
    image: Container, account: LocalAccount, gallery: Path, log: Path
) -> AsyncIterator[RuntimeApi]:
    """The image's command in an account, with Lambda's Runtime API for its only way in."""
    # The image runs as another user than the one whose gallery it is.
    await asyncio.to_thread(gallery.chmod, 0o644)
    api = RuntimeApi()
    await api.start()
    environment = {
        **account.environment(),
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "HYBRIDSPHERE_GALLERY": "/gallery.npz",
    }
    try:
        async with image.running(image.command, environment, log, {gallery: "/gallery.npz"}):
            yield api
    finally:
        await api.stop()


async def upload(account: LocalAccount, key: str, body: bytes) -> S3Record:
    bucket = account.environment()["HYBRIDSPHERE_INPUT_BUCKET"]
    async with client_of(account, "s3") as s3:
        put = await s3.put_object(Bucket=bucket, Key=key, Body=body)
    return S3Record(bucket, key, put["ETag"].strip('"'), None, utc_text())


async def invoke(api: RuntimeApi, record: S3Record) -> Response:
    payload = json.dumps(record.to_event()).encode()
    invocation = Invocation("request", payload, resources.FUNCTION.arn)
    async with asyncio.timeout(PATIENCE_S):
        return await api.run(invocation, timeout_s=PATIENCE_S)


async def results(account: LocalAccount, count: int) -> Mapping[str, Mapping[str, Any]]:
    """The next messages on the output queue, by the video's key."""
    url = account.output_queue.url
    found: dict[str, Mapping[str, Any]] = {}
    async with asyncio.timeout(PATIENCE_S), client_of(account, "sqs") as sqs:
        while len(found) < count:
            answer = await sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
            for message in answer.get("Messages", []):
                result = json.loads(message["Body"])
                found[result["key"]] = result
                await sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


async def test_a_clip_is_recognised(
    function_image: Container, account: LocalAccount, tmp_path: Path
) -> None:
    (photos := tmp_path / "photos").mkdir()
    clips.make_photos(photos)
    await hybridsphere(account, "enroll", photos, "-o", tmp_path / "gallery.npz")
    clips.write_students(tmp_path / "students.json")
    await hybridsphere(account, "students", "load", tmp_path / "students.json")
    (folder := tmp_path / "clips").mkdir()
    clip = next(clip for clip in clips.make_clips(folder) if clip.status == "matched")

    log, gallery = tmp_path / "function.log", tmp_path / "gallery.npz"
    async with function_of(function_image, account, gallery, log) as api:
        record = await upload(account, "clip.mp4", clip.file.read_bytes())
        response = await invoke(api, record)
        assert not response.is_error, (response, log.read_text())
        assert '"event": "engine.loaded", "engine": "yunet-sface"' in log.read_text()
    (result,) = (await results(account, 1)).values()
    known = clips.known_people()[str(clip.person)]
    assert result["status"] == "matched"
    assert [(who["name"], who["major"], who["year"]) for who in result["people"]] == [
        (clip.person, known.major, known.year)
    ]


@pytest.mark.skipif(not WORKLOAD.is_dir(), reason=f"the real workload is not at {WORKLOAD}")
async def test_everybody_in_the_real_videos_is_recognised(
    function_image: Container, account: LocalAccount, tmp_path: Path
) -> None:
    gallery, log = tmp_path / "gallery.npz", tmp_path / "function.log"
    await hybridsphere(account, "gallery", "import", WORKLOAD / "encoding", "-o", gallery)
    await hybridsphere(account, "students", "load", WORKLOAD / "student_data.json")
    videos = sorted((WORKLOAD / "videos").iterdir())
    async with function_of(function_image, account, gallery, log) as api:
        for video in videos:
            record = await upload(account, video.name, video.read_bytes())
            response = await invoke(api, record)
            assert not response.is_error, (response, log.read_text())
    found = await results(account, len(videos))
    people = {key: (result["status"], result["people"][0]["name"]) for key, result in found.items()}
    assert people == {
        "test_0.mp4": ("matched", "president_trump"),
        "test_2.mp4": ("matched", "mr_bean"),
        "test_4.mp4": ("matched", "johnny_dep"),
        "test_5.mp4": ("matched", "vin_diesel"),
        "test_7.mp4": ("matched", "morgan_freeman"),
    }


def test_it_adds_at_most_325_mb_to_its_base(function_image: Container) -> None:
    listing = function_image.run(
        *("du", "--summarize", "--apparent-size", "--block-size=1MB"),
        *("/opt/function", "/var/task"),
    )
    assert sum(int(line.split()[0]) for line in listing.splitlines()) <= 325


async def test_where_there_is_neither_lambda_nor_the_emulator_it_says_so(
    function_image: Container, tmp_path: Path
) -> None:
    log = tmp_path / "function.log"
    async with function_image.running(function_image.command, {}, log) as running:
        assert await running.ended() == 2
        assert "aws-lambda-rie is not on the PATH" in running.text
