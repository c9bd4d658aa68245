"""The four ways in and out: the same videos, the same function, the same files on disk."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from hybridsphere.demo.clips import Clip
from hybridsphere.local import resources
from hybridsphere.local.account import Sink, Source
from hybridsphere.messages import S3Record
from tests.pipeline.pipeline_stage import Pipeline, started

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATUSES = ("matched", "unknown_face", "no_face", "unreadable")


@pytest.fixture(scope="session")
def few(videos: list[Clip]) -> dict[str, Clip]:
    """The smallest clip of each of a few statuses, by its key in the bucket."""
    smallest = [
        min((clip for clip in videos if clip.status == status), key=size) for status in STATUSES
    ]
    return {f"ways/{clip.key}": clip for clip in smallest}


def size(clip: Clip) -> int:
    return clip.file.stat().st_size


async def files(pipeline: Pipeline, few: dict[str, Clip]) -> dict[str, bytes]:
    """Upload the clips; the CSV files on disk, by the videos' keys."""
    for key, clip in few.items():
        await pipeline.upload(key, clip.file.read_bytes())
    rows = await pipeline.results_of(list(few))
    assert {key: row.status for key, row in rows.items()} == {
        key: clip.status for key, clip in few.items()
    }
    return {key: (pipeline.results / f"{key}.csv").read_bytes() for key in few}


WAYS: dict[str, tuple[Source, Sink]] = {
    "source direct": ("direct", "queue"),
    "source bucket": ("bucket", "queue"),
    "sink bucket": ("queue", "bucket"),
}


async def test_the_same_videos_give_the_same_files_whichever_way_they_take(
    pipeline: Pipeline,
    gallery: Path,
    few: dict[str, Clip],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folders = {way: tmp_path_factory.mktemp(way) for way in WAYS}

    async def by(way: str) -> dict[str, bytes]:
        source, sink = WAYS[way]
        async with started(folders[way], gallery, source=source, sink=sink, workers=1) as other:
            found = await files(other, few)
            # A row a video: each was worked on once.
            invoked = [row.invoked_at is not None for row in other.uploads()]
            assert invoked == [source != "direct"] * len(few)
            return found

    by_queues, *others = await asyncio.gather(files(pipeline, few), *map(by, WAYS))
    assert others == [by_queues] * len(WAYS)


@pytest.mark.parametrize("dress", ["through SNS", "of EventBridge"])
async def test_an_event_in_other_clothes_is_an_upload_like_any_other(
    pipeline: Pipeline, few: dict[str, Clip], dress: str
) -> None:
    key, clip = next((f"{dress} {k}", c) for k, c in few.items() if c.status == "no_face")
    await pipeline.upload(key, clip.file.read_bytes())
    bare = (await pipeline.results_of([key]))[key]
    thing = {"key": key, "etag": bare.etag, "sequencer": "02"}
    told = S3Record(bare.bucket, key, bare.etag, "01", bare.event_time).to_event()
    event = {
        "through SNS": {
            "Type": "Notification",
            "TopicArn": "arn:aws:sns:us-east-1:123456789012:uploads",
            "Message": json.dumps(told),
        },
        "of EventBridge": {
            "detail-type": "Object Created",
            "source": "aws.s3",
            "time": "2026-11-21T00:00:00Z",
            "detail": {"bucket": {"name": bare.bucket}, "object": thing},
        },
    }[dress]
    await pipeline.send("INPUT", json.dumps(event))

    def statuses() -> list[str | None]:
        return [row.status for row in pipeline.uploads() if row.key == key]

    await pipeline.until(lambda: statuses() == ["no_face", "no_face"])


async def test_without_queues_a_function_that_fails_ends_as_failed(
    gallery: Path, tmp_path: Path
) -> None:
    nowhere = str(tmp_path / "nowhere.npz")
    function = replace(resources.FUNCTION, environment={"HYBRIDSPHERE_GALLERY": nowhere})
    async with started(
        tmp_path, gallery, source="bucket", sink="bucket", workers=1, function=function
    ) as pipeline:
        await pipeline.upload("a b+ü.mp4", b"a video")
        row = (await pipeline.results_of(["a b+ü.mp4"]))["a b+ü.mp4"]
        assert row.status == "failed"
        assert row.reason
        assert row.reason.startswith("RetriesExhausted: GalleryError: ")
        assert nowhere in row.reason
        on_disk = (pipeline.results / "a b+ü.mp4.csv").read_text()
        assert on_disk == "name,major,year,status\n,,,failed\n"
