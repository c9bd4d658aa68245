"""Uploads, all the way to a CSV on this disk: nothing here stands in for anything."""

import csv
import io
import json

import pytest

from hybridsphere.demo.clips import Clip
from hybridsphere.messages import S3Record, csv_key, utc_text
from hybridsphere.paths import csv_path
from tests.pipeline.pipeline_stage import Pipeline

pytestmark = pytest.mark.asyncio(loop_scope="session")


def portrait(videos: list[Clip]) -> bytes:
    """A small clip of somebody known."""
    matched = [clip for clip in videos if clip.status == "matched"]
    return min((clip.file.read_bytes() for clip in matched), key=len)


def nobody(videos: list[Clip]) -> bytes:
    return next(clip for clip in videos if clip.status == "no_face").file.read_bytes()


async def test_every_clip_ends_as_it_was_made_to(pipeline: Pipeline, videos: list[Clip]) -> None:
    for clip in videos:
        await pipeline.upload(f"every/{clip.key}", clip.file.read_bytes())
    rows = await pipeline.results_of([f"every/{clip.key}" for clip in videos])
    for clip in videos:
        row = rows[f"every/{clip.key}"]
        assert (row.status, [person["name"] for person in row.people]) == (
            clip.status,
            [clip.person] if clip.person else [],
        )


async def test_the_csv_on_disk_is_that_in_the_output_bucket(
    pipeline: Pipeline, videos: list[Clip]
) -> None:
    await pipeline.upload("same/portrait.mp4", portrait(videos))
    await pipeline.results_of(["same/portrait.mp4"])
    on_disk = (pipeline.results / "same/portrait.mp4.csv").read_bytes()
    async with pipeline.client("s3") as s3:
        answer = await s3.get_object(
            Bucket=pipeline.environment["HYBRIDSPHERE_OUTPUT_BUCKET"], Key="same/portrait.mp4.csv"
        )
        assert await answer["Body"].read() == on_disk
    (row,) = csv.DictReader(io.StringIO(on_disk.decode(), newline=""))
    assert row["status"] == "matched"
    assert row["major"]
    assert row["year"]


@pytest.mark.parametrize(
    "key", ["a b+ü/ß.mp4", "x.MP4", "clip.webm", "<b>&.mp4", "100%/%41.mp4", "k" * 1020 + ".mp4"]
)
async def test_an_odd_key_gets_its_own_result(
    pipeline: Pipeline, videos: list[Clip], key: str
) -> None:
    await pipeline.upload(key, nobody(videos))
    row = (await pipeline.results_of([key]))[key]
    assert (row.status, row.output_key) == ("no_face", csv_key(key))
    assert (pipeline.results / csv_path(csv_key(key))).read_text().endswith(",,,no_face\n")


@pytest.mark.parametrize(
    "key",
    ["../../../../etc/passwd.mp4", "a/../b.mp4", "/abs.mp4", "nul\0.mp4", "_hybridsphere/x.mp4"],
)
async def test_a_forged_key_stays_inside_the_results_folder(pipeline: Pipeline, key: str) -> None:
    record = S3Record(
        bucket=pipeline.environment["HYBRIDSPHERE_INPUT_BUCKET"],
        key=key,
        etag="0" * 32,
        sequencer="0055AED6DCD90281E5",
        event_time=utc_text(),
    )
    await pipeline.send("INPUT", json.dumps(record.to_event()))
    row = (await pipeline.results_of([key]))[key]
    assert (row.status, row.reason) == ("unreadable", "gone")
    path = (pipeline.results / csv_path(csv_key(key))).resolve()
    assert path.is_relative_to(pipeline.results.resolve())
    assert path.read_text().endswith(",,,unreadable\n")


async def test_sixty_copies_make_sixty_rows_and_nothing_is_left(
    pipeline: Pipeline, videos: list[Clip]
) -> None:
    keys = [f"copies/{number}.mp4" for number in range(60)]
    content = portrait(videos)
    for key in keys:
        await pipeline.upload(key, content)
    rows = await pipeline.results_of(keys)
    assert {row.status for row in rows.values()} == {"matched"}
    assert sum(row.key in rows for row in pipeline.uploads()) == 60
    assert len(list((pipeline.results / "copies").iterdir())) == 60
    await pipeline.until(lambda: pipeline.account.worker_count == 0)
    assert await pipeline.messages_left() == 0


async def test_a_video_uploaded_again_has_a_row_a_version_and_the_newer_file(
    pipeline: Pipeline, videos: list[Clip]
) -> None:
    await pipeline.upload("again.mp4", portrait(videos))
    await pipeline.results_of(["again.mp4"])
    await pipeline.upload("again.mp4", nobody(videos))
    await pipeline.until(
        lambda: sum(row.key == "again.mp4" and bool(row.status) for row in pipeline.uploads()) == 2
    )
    assert (pipeline.results / "again.mp4.csv").read_text().endswith(",,,no_face\n")


async def test_a_forged_result_is_set_aside_and_its_queue_goes_on(
    pipeline: Pipeline, videos: list[Clip]
) -> None:
    await pipeline.send("OUTPUT", '{"schema": "hybridsphere.result/1", "bucket": "x"}')
    await pipeline.upload("after.mp4", nobody(videos))
    await pipeline.results_of(["after.mp4"])
    async with pipeline.client("sqs") as sqs:
        answer = await sqs.receive_message(
            QueueUrl=pipeline.environment["HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL"],
            MessageAttributeNames=["All"],
            WaitTimeSeconds=20,
        )
    (message,) = answer["Messages"]
    assert message["MessageAttributes"]["queue"]["StringValue"] == "output"
    assert "is missing" in message["MessageAttributes"]["reason"]["StringValue"]


async def test_the_export_has_a_row_for_every_upload(
    pipeline: Pipeline, videos: list[Clip]
) -> None:
    await pipeline.upload("export.mp4", portrait(videos))
    await pipeline.results_of(["export.mp4"])
    rows = list(csv.DictReader(io.StringIO(await pipeline.run("results", "export"), newline="")))
    row = next(row for row in rows if row["key"] == "export.mp4")
    assert row["status"] == "matched"
    assert row["received_at"] <= row["invoked_at"] <= row["started_at"] <= row["finished_at"]
    assert row["finished_at"] <= row["stored_at"]
