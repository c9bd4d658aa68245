"""Source `bucket` and sink `bucket` on Debian's object stores: a hybrid with a private half."""

import json
import os
import shutil
from pathlib import Path

import pytest

from hybridsphere.demo.clips import Clip
from hybridsphere.workload.upload import PART_BYTES
from tests.deploy.object_stores.hybrid import Hybrid, hybrid
from tests.deploy.object_stores.store import ObjectStore

pytestmark = [
    pytest.mark.object_stores,
    pytest.mark.asyncio(loop_scope="session"),
]

CHECKSUMS = "AWS_REQUEST_CHECKSUM_CALCULATION"


def events(log: Path, name: str) -> list[dict[str, object]]:
    lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["event"] == name]


async def statuses(stage: Hybrid, videos: list[Clip]) -> dict[str, str | None]:
    rows = await stage.results_of([clip.key for clip in videos])
    return {key: row.status for key, row in rows.items()}


async def reupload(stage: Hybrid, old: Clip, new: Clip) -> None:
    """Overwrite one clip by another; the newest result replaces the old one everywhere."""
    before = await stage.csv_object(old.key)
    await stage.upload(old.key, new.file.read_bytes())

    def both() -> bool:
        rows = [row for row in stage.uploads() if row.key == old.key]
        return [row.status for row in rows if row.status] == [old.status, new.status]

    await stage.until(both)
    assert await stage.csv_object(old.key) != before
    assert await stage.csv_object(old.key) == (stage.results / f"{old.key}.csv").read_bytes()


@pytest.mark.parametrize("checksums", ["when_supported", "when_required"])
async def test_the_demo_runs_through_two_private_buckets(
    *, store: ObjectStore, gallery: Path, videos: list[Clip], tmp_path: Path, checksums: str
) -> None:
    folder = tmp_path / "videos"
    for clip in videos:
        (folder / clip.key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip.file, folder / clip.key)
    (folder / "large.mp4").write_bytes(os.urandom(PART_BYTES + 1))
    large = Clip(folder / "large.mp4", "large.mp4", "unreadable")

    async with hybrid(tmp_path, gallery, store, {CHECKSUMS: checksums}) as stage:
        advice = await stage.run("doctor")
        assert ("refuses conditional writes" in advice) is (store.name == "swift")
        # Something of an earlier run, which --clear removes.
        await stage.upload("old.mp4", b"")
        await stage.results_of(["old.mp4"])
        await stage.run("workload", "upload", str(folder), "--clear", "--yes")
        expected = {clip.key: clip.status for clip in [*videos, large]}
        assert await statuses(stage, [*videos, large]) == expected

        matched = next(clip for clip in videos if clip.status == "matched")
        nobody = next(clip for clip in videos if clip.status == "no_face")
        # Before the check, which counts one result an upload.
        assert "✗" not in await stage.run("workload", "check")
        await reupload(stage, matched, nobody)
        await reupload(stage, nobody, matched)

        fallbacks = events(stage.function_log, "csv.unconditional")
        assert {event["bucket"] for event in fallbacks} == (
            {stage.output_bucket} if store.name == "swift" else set()
        )
        async with stage.client("s3") as s3:
            listed = await s3.list_objects_v2(Bucket=stage.output_bucket)
        assert {item["Key"] for item in listed["Contents"]} == {f"{key}.csv" for key in expected}
