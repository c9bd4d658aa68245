"""The last check: each CSV is that of its video, and says what was expected."""

from hybridsphere.messages import csv_text
from tests.workload.workload_stage import Stage


async def test_csvs_that_are_as_the_ledger_has_them_pass(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.complete("x.mp4", "y.mp4")

    check = await stage.check("contents")

    assert check.passed
    assert check.detail == "2 CSVs of their videos read"


async def test_a_file_of_another_content_fails(stage: Stage) -> None:
    await stage.upload("x.mp4")
    stage.complete("x.mp4")
    stage.file("x.mp4").write_text("altered")

    check = await stage.check("contents")

    assert check.lines == ("x.mp4: the file on disk is not the CSV in the ledger",)


async def test_an_object_of_another_content_fails(stage: Stage) -> None:
    await stage.upload("x.mp4")
    stage.complete("x.mp4")
    stage.write_object(stage.result("x.mp4"), Body=b"altered")

    check = await stage.check("contents")

    assert check.lines == ("x.mp4: the object in the output bucket is not the CSV in the ledger",)


async def test_an_object_that_names_another_video_fails(stage: Stage) -> None:
    await stage.upload("x.mp4")
    stage.complete("x.mp4")
    stage.write_object(stage.result("x.mp4"), Metadata={"key": "eS5tcDQ="})

    check = await stage.check("contents")

    assert check.lines == (
        "x.mp4: the metadata of the object in the output bucket name another video",
    )


async def test_an_unexpected_csv_fails_with_one_line(stage: Stage) -> None:
    await stage.upload("a/x.mp4", "y.mp4")
    stage.complete("a/x.mp4", "y.mp4")
    expected = {"major": "physics", "year": "freshman"}

    check = await stage.check("contents", expectations={"x.mp4": expected, "absent.mp4": expected})

    assert not check.passed
    assert check.detail == "2 CSVs of their videos read, 1 compared with what was expected"
    assert check.lines == ("a/x.mp4: year freshman expected, junior found",)


async def test_a_result_of_another_version_fails(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.complete("y.mp4")
    stage.complete("x.mp4")
    stage.complete("x.mp4", sequencer="02", etag="somebody-else-s")

    check = await stage.check("contents")

    assert check.lines == ("x.mp4: the result is that of another version, ETag somebody-else-s",)


async def test_uploads_that_all_failed_fail(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    for key in ("x.mp4", "y.mp4"):
        failed = stage.result(key, status="failed", reason="RetriesExhausted: KeyError")
        stage.store(failed)
        stage.write_file(failed)

    check = await stage.check("contents")

    assert check.detail == "2 CSVs of their videos read, 2 say that the function failed"
    assert check.lines == (
        "the function failed for every upload, as for x.mp4: RetriesExhausted: KeyError",
    )


async def test_a_failed_upload_is_judged_by_its_file_alone(
    stage: Stage,
) -> None:
    await stage.upload("x.mp4", "y.mp4")
    stage.complete("y.mp4")
    failed = stage.result("x.mp4", status="failed", csv=csv_text([("", "", "", "failed")]))
    stage.store(failed)
    stage.write_file(failed)
    stage.write_object(stage.result("x.mp4"))

    check = await stage.check("contents")

    assert check.passed
    assert check.detail == "2 CSVs of their videos read, 1 say that the function failed"


async def test_without_results_the_contents_fail(stage: Stage) -> None:
    await stage.upload("x.mp4")

    assert not (await stage.check("contents")).passed
