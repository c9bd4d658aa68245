"""Each of the eleven checks: when it holds, and when it does not."""

import re
from dataclasses import replace

import pytest

from hybridsphere.aws import AwsError
from hybridsphere.messages import utc_text
from tests.workload.workload_stage import Stage

NAMES = [
    "buckets-empty",
    "uploaded",
    "input-objects",
    "events",
    "invoked",
    "results",
    "concurrency",
    "output-objects",
    "queues-drained",
    "files-on-disk",
    "contents",
]


async def test_every_check_holds_for_complete_uploads(stage: Stage) -> None:
    await stage.upload("x.mp4", "a b/ü.mp4", "k" * 1020 + ".mp4")
    stage.complete("x.mp4", "a b/ü.mp4", "k" * 1020 + ".mp4")

    checks = await stage.checks(expectations={"ü.mp4": {"name": "ada"}})

    assert list(checks) == NAMES
    assert [name for name, check in checks.items() if not check.passed] == []


async def test_without_a_bridge_only_the_upload_holds(stage: Stage) -> None:
    await stage.upload("x.mp4")

    checks = await stage.checks()

    assert [name for name, check in checks.items() if check.passed] == [
        "buckets-empty",
        "uploaded",
        "input-objects",
        "queues-drained",
    ]


async def test_buckets_that_were_not_empty_fail(stage: Stage) -> None:
    stage.s3.put_object(Bucket=stage.output_bucket, Key="old.txt", Body=b"")
    await stage.upload("x.mp4")

    check = await stage.check("buckets-empty")

    assert not check.passed
    assert "--clear" in check.detail


async def test_a_file_that_was_not_uploaded_fails(stage: Stage) -> None:
    await stage.upload("x.mp4", "\udcff.mp4")

    check = await stage.check("uploaded")

    assert not check.passed
    assert check.detail.startswith("1 of 2 files")
    assert check.lines[0].startswith("\udcff.mp4: ")


async def test_missing_and_extra_input_objects_fail(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.s3.delete_object(Bucket=stage.input_bucket, Key="x.mp4")
    stage.s3.put_object(Bucket=stage.input_bucket, Key="z.mp4", Body=b"")

    check = await stage.check("input-objects")

    assert not check.passed
    assert check.lines == (
        "x.mp4: not in the input bucket",
        "z.mp4: there, but of no upload",
    )


async def test_an_upload_without_an_event_fails(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.invoke("x.mp4")

    check = await stage.check("events")

    assert not check.passed
    assert check.lines == ("y.mp4: none",)


async def test_an_upload_without_an_invocation_fails(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.invoke("x.mp4")
    stage.store(stage.result("y.mp4"))

    check = await stage.check("invoked")

    assert not check.passed
    assert check.lines == ("y.mp4: none",)


async def test_the_time_from_receipt_to_invocation_is_told(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    with stage.ledger() as ledger, ledger.transaction():
        for key, milliseconds in (("x.mp4", 20), ("y.mp4", 40)):
            invoked_at = f"2099-01-01T00:00:00.{milliseconds:03}Z"
            ledger.note_invoked(stage.record(key), "2099-01-01T00:00:00.000Z", invoked_at)

    check = await stage.check("invoked")

    assert check.passed
    assert check.detail.endswith("median 30 ms, longest 40 ms after receipt")


async def test_failed_attempts_count_as_invocations(stage: Stage) -> None:
    await stage.upload("x.mp4")
    with stage.ledger() as ledger, ledger.transaction():
        ledger.count_attempt(stage.record("x.mp4"), utc_text())

    assert (await stage.check("invoked")).passed


async def test_an_upload_without_a_result_fails(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.invoke("x.mp4")
    stage.complete("y.mp4")

    check = await stage.check("results")

    assert not check.passed
    assert check.lines == ("x.mp4: none",)


async def test_csv_objects_too_few_and_too_many_fail(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.complete("y.mp4")
    stage.s3.put_object(Bucket=stage.output_bucket, Key="z.mp4.csv", Body=b"")

    check = await stage.check("output-objects")

    assert not check.passed
    assert check.lines == (
        "x.mp4.csv: not in the output bucket",
        "z.mp4.csv: there, but of no upload",
    )


async def test_a_failed_upload_needs_no_csv_object(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.complete("y.mp4")
    stage.store(stage.result("x.mp4", status="failed", reason="RetriesExhausted"))
    stage.s3.put_object(Bucket=stage.output_bucket, Key="aws/lambda/async/f/1.json", Body=b"")

    assert (await stage.check("output-objects")).passed


@pytest.mark.parametrize("way", ["input", "output"])
async def test_a_message_that_is_left_in_a_queue_fails(stage: Stage, way: str) -> None:
    await stage.upload("x.mp4")
    stage.sqs.send_message(QueueUrl=stage.settings.need(f"{way}_queue_url"), MessageBody="left")

    check = await stage.check("queues-drained")

    assert not check.passed
    assert f"{way}: 1 visible, 0 in flight" in check.detail


async def test_a_message_that_somebody_holds_fails(stage: Stage) -> None:
    await stage.upload("x.mp4")
    url = stage.settings.need("input_queue_url")
    stage.sqs.send_message(QueueUrl=url, MessageBody="held")
    stage.sqs.receive_message(QueueUrl=url)

    check = await stage.check("queues-drained")

    assert not check.passed
    assert "input: 0 visible, 1 in flight" in check.detail


async def test_an_upload_without_its_file_or_its_row_fails(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.store(stage.result("x.mp4"))
    stage.write_file(stage.result("y.mp4"))

    check = await stage.check("files-on-disk")

    assert not check.passed
    assert check.lines == ("x.mp4: no file", "y.mp4: no row with a status")


async def test_only_new_rows_of_the_uploads_count(
    stage: Stage,
) -> None:
    stage.complete("x.mp4")
    stage.s3.delete_object(Bucket=stage.output_bucket, Key="x.mp4.csv")
    await stage.upload("x.mp4", "y.mp4")
    stage.complete("other.mp4")
    stage.store(replace(stage.result("y.mp4"), bucket="other-bucket"))

    check = await stage.check("results")

    assert check.detail == "a message received for 0 of 2 uploads"


async def test_a_second_version_of_an_upload_is_counted_as_a_row(stage: Stage) -> None:
    await stage.upload("x.mp4")
    stage.complete("x.mp4", sequencer="02", csv="newer")
    stage.store(stage.result("x.mp4", sequencer="01", csv="older, and late"))

    checks = await stage.checks()

    # The newest version is the one that the other checks look at.
    assert [name for name, check in checks.items() if not check.passed] == ["files-on-disk"]
    assert checks["files-on-disk"].detail == "1 files and 2 rows of 1 uploads"
    assert checks["files-on-disk"].lines == ("x.mp4: 2 rows for one upload",)


@pytest.mark.parametrize(
    ("way", "names"),
    [
        ({"source": "direct"}, ["events", "invoked"]),
        ({"sink": "bucket"}, ["results"]),
        (
            {"source": "direct", "sink": "bucket"},
            ["events", "invoked", "results", "queues-drained"],
        ),
    ],
)
async def test_a_check_that_does_not_apply_passes_and_says_so(
    stage: Stage, way: dict[str, str], names: list[str]
) -> None:
    await stage.upload("x.mp4")
    stage.settings = stage.settings.model_copy(update=way)

    checks = await stage.checks()

    silent = [name for name in NAMES if checks[name].detail.startswith("does not apply: ")]
    assert silent == names
    assert all(checks[name].passed for name in names)


async def test_a_refused_listing_ends_the_checks_with_one_line(stage: Stage) -> None:
    await stage.upload("x.mp4")
    stage.s3.delete_object(Bucket=stage.input_bucket, Key="x.mp4")
    stage.s3.delete_bucket(Bucket=stage.input_bucket)

    with pytest.raises(AwsError, match=f"bucket {stage.input_bucket}: .*NoSuchBucket"):
        await stage.checks()


async def test_a_queue_that_is_not_there_is_named(stage: Stage) -> None:
    await stage.upload("x.mp4")
    url = stage.settings.need("input_queue_url") + "-not"
    stage.settings = stage.settings.model_copy(update={"input_queue_url": url})

    with pytest.raises(AwsError, match=re.escape(f"queue {url}: ")):
        await stage.checks()
