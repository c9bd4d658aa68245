"""Uploading: what reaches the bucket, and what the manifest says of it."""

import asyncio
import hashlib
import os
import shutil
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import AioSession
from botocore.awsrequest import AWSResponse
from botocore.retries.standard import ExponentialBackoff
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.s3.models import s3_backends

from hybridsphere.aws import AwsError
from hybridsphere.errors import CannotRun, ConfigurationError
from hybridsphere.workload import buckets
from hybridsphere.workload.manifest import Manifest, manifest_path
from hybridsphere.workload.upload import PART_BYTES, upload, upload_files
from tests.workload.workload_stage import Stage

ODD_KEYS = ["a b+ü/ß.mp4", "x.MP4", "clip.webm", "<b>&.mp4", "100%.mp4", "k" * 1020 + ".mp4"]


def write(folder: Path, **files: bytes) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


async def test_every_file_below_the_folder_is_uploaded_under_its_relative_path(
    stage: Stage,
) -> None:
    (stage.videos / "a b" / "ü").mkdir(parents=True)
    (stage.videos / "a b" / "ü" / "one.mp4").write_bytes(b"one")
    (stage.videos / "two.MP4").write_bytes(b"")

    count = await upload(stage.videos, stage.settings, clear=False, console=stage.quiet)

    assert count == 2
    assert stage.keys(stage.input_bucket) == ["a b/ü/one.mp4", "two.MP4"]
    answer = stage.s3.get_object(Bucket=stage.input_bucket, Key="a b/ü/one.mp4")
    assert answer["Body"].read() == b"one"


async def test_any_key_that_s3_accepts_can_be_uploaded(stage: Stage) -> None:
    manifest = await stage.upload(*ODD_KEYS)

    assert not manifest.failed
    assert sorted(stage.keys(stage.input_bucket)) == sorted(ODD_KEYS)


async def test_nothing_is_uploaded_without_a_place_for_the_manifest(
    stage: Stage,
) -> None:
    await stage.upload("kept.mp4")
    write(stage.videos, **{"new.mp4": b"new"})
    own = manifest_path(stage.results_dir).parent
    own.rename(own.with_name("away"))
    own.touch()
    with pytest.raises(CannotRun, match="HYBRIDSPHERE_RESULTS_DIR"):
        await upload(stage.videos, stage.settings, clear=True, console=stage.quiet)
    assert stage.keys(stage.input_bucket) == ["kept.mp4"]


async def test_the_manifest_lists_each_file_with_key_size_and_etag(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")

    manifest = Manifest.read(stage.results_dir)

    assert manifest == stage.manifest
    assert manifest.input_bucket == stage.input_bucket
    assert [file.key for file in manifest.files] == ["x.mp4", "y.mp4"]
    assert manifest.files[0].size == len(b"video x.mp4")
    assert manifest.files[0].etag == hashlib.md5(b"video x.mp4").hexdigest()
    path = manifest_path(stage.results_dir)
    assert list(path.parent.iterdir()) == [path]


async def test_a_large_file_goes_in_parts_and_arrives_whole(stage: Stage) -> None:
    content = os.urandom(PART_BYTES) + os.urandom(PART_BYTES) + b"the rest"
    write(stage.videos, **{"large.mp4": content})

    await upload(stage.videos, stage.settings, clear=False, console=stage.quiet)

    (file,) = Manifest.read(stage.results_dir).files
    assert file.size == len(content)
    assert file.etag.endswith("-3")
    answer = stage.s3.get_object(Bucket=stage.input_bucket, Key="large.mp4")
    assert answer["Body"].read() == content


@pytest.mark.parametrize(
    ("calculation", "algorithm"), [("when_supported", "CRC32"), ("when_required", None)]
)
async def test_parts_have_a_checksum_unless_the_environment_wants_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, calculation: str, algorithm: str | None
) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", calculation)
    sent: list[str | None] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        names = ("x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm")
        sent.append(next((params["headers"][n] for n in names if n in params["headers"]), None))

    for operation in ("CreateMultipartUpload", "UploadPart"):
        monkeypatch.setattr(
            AioSession,
            "create_client",
            with_event(AioSession.create_client, f"before-call.s3.{operation}", note),
        )
    write(stage.videos, **{"large.mp4": os.urandom(PART_BYTES + 1)})

    await upload(stage.videos, stage.settings, clear=False, console=stage.quiet)

    assert sent == [algorithm] * 3
    assert stage.keys(stage.input_bucket) == ["large.mp4"]


async def test_the_etag_of_parts_is_asked_for_where_the_answer_lacks_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with Ceph."""

    def forget(parsed: dict[str, Any], **_: Any) -> None:
        parsed["ETag"] = ""

    event = "after-call.s3.CompleteMultipartUpload"
    monkeypatch.setattr(
        AioSession, "create_client", with_event(AioSession.create_client, event, forget)
    )
    write(stage.videos, **{"large.mp4": os.urandom(PART_BYTES + 1)})

    await upload(stage.videos, stage.settings, clear=False, console=stage.quiet)

    (file,) = Manifest.read(stage.results_dir).files
    answer = stage.s3.head_object(Bucket=stage.input_bucket, Key="large.mp4")
    assert file.etag == answer["ETag"].strip('"')
    assert file.etag.endswith("-2")


async def test_one_failing_file_does_not_stop_the_others(
    stage: Stage,
) -> None:
    # A name that is no UTF-8, as old file systems have them, can be no key.
    write(stage.videos, **{"good.mp4": b"good", os.fsdecode(b"\xff.mp4"): b"bad"})

    with pytest.raises(CannotRun, match=r"1 of 2 files were not uploaded.*manifest\.json"):
        await upload(stage.videos, stage.settings, clear=False, console=stage.quiet)

    manifest = Manifest.read(stage.results_dir)
    assert [file.key for file in manifest.files] == ["good.mp4"]
    assert [file.key for file in manifest.failed] == [os.fsdecode(b"\xff.mp4")]
    assert stage.keys(stage.input_bucket) == ["good.mp4"]


async def test_an_interrupted_upload_leaves_a_manifest(
    stage: Stage,
) -> None:
    interrupted = asyncio.create_task(stage.upload("x.mp4", *(f"{n}.mp4" for n in range(200))))
    while "x.mp4" not in await asyncio.to_thread(stage.keys, stage.input_bucket):
        assert not interrupted.done()
    interrupted.cancel()
    with pytest.raises(asyncio.CancelledError):
        await interrupted

    manifest = Manifest.read(stage.results_dir)
    assert len(manifest.files) + len(manifest.failed) == 201
    assert {failed.reason for failed in manifest.failed} == {"interrupted"}
    assert manifest.keys <= set(stage.keys(stage.input_bucket))


async def test_clear_empties_buckets_of_several_pages(stage: Stage) -> None:
    for number in range(1001):
        s3_backends[ACCOUNT_ID]["aws"].put_object(stage.input_bucket, f"{number}", b"")
    stage.s3.put_object(Bucket=stage.output_bucket, Key="old.csv", Body=b"")

    manifest = await stage.upload("new.mp4", clear=True)

    assert manifest.buckets_were_empty
    assert stage.keys(stage.input_bucket) == ["new.mp4"]
    assert stage.keys(stage.output_bucket) == []


class Refusals:
    """Refuses calls in front of moto, by the name of the operation, and counts them all."""

    def __init__(self, patch: pytest.MonkeyPatch, **refused: str) -> None:
        self.calls: Counter[str] = Counter()
        self._refused = refused
        watched = with_event(AioSession.create_client, "before-call.s3", self._before)
        patch.setattr(AioSession, "create_client", watched)

    def _before(self, model: Any, **_: Any) -> Any:
        self.calls[model.name] += 1
        if code := self._refused.get(model.name):
            http = AWSResponse("", 400, {}, None)
            return http, {
                "Error": {"Code": code, "Message": "not here"},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }
        return None


@pytest.mark.parametrize("code", ["InvalidRequest", "NotImplemented", "MethodNotAllowed"])
async def test_clear_deletes_singly_where_batches_are_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    for number in range(40):
        s3_backends[ACCOUNT_ID]["aws"].put_object(stage.output_bucket, f"{number}", b"")
    refusals = Refusals(monkeypatch, DeleteObjects=code)

    await stage.upload("new.mp4", clear=True)

    assert stage.keys(stage.output_bucket) == []
    assert refusals.calls["DeleteObjects"] == 1
    assert refusals.calls["DeleteObject"] == 40


async def test_clear_without_the_permission_is_refused_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.upload("kept.mp4")
    refusals = Refusals(monkeypatch, DeleteObjects="AccessDenied")

    with pytest.raises(AwsError, match=rf"bucket {stage.input_bucket}: .*AccessDenied"):
        await stage.upload("new.mp4", clear=True)

    assert refusals.calls["DeleteObject"] == 0
    assert stage.keys(stage.input_bucket) == ["kept.mp4"]


async def test_clear_ends_where_deleted_objects_stay_in_the_listing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket with an object lock, for instance, answers deletions with success."""
    await stage.upload("locked.mp4")
    monkeypatch.setattr(buckets, "_PAUSE_S", 0)

    def keep(params: dict[str, Any], **_: Any) -> None:
        params["body"] = params["body"].replace(b"locked", b"other-")

    monkeypatch.setattr(
        AioSession,
        "create_client",
        with_event(AioSession.create_client, "before-call.s3.DeleteObjects", keep),
    )
    with pytest.raises(AwsError, match=r"still lists 'locked\.mp4' after it was deleted"):
        await stage.upload("new.mp4", clear=True)


def with_event(make: Callable[..., Any], event: str, handler: Callable[..., Any]) -> Any:
    """`create_client` of sessions whose clients call a handler."""

    @asynccontextmanager
    async def made(session: AioSession, *names: Any, **options: Any) -> AsyncIterator[Any]:
        async with make(session, *names, **options) as client:
            client.meta.events.register(event, handler)
            yield client

    return made


async def test_without_clear_the_buckets_stay_as_they_are(
    stage: Stage,
) -> None:
    stage.s3.put_object(Bucket=stage.output_bucket, Key="old.csv", Body=b"")

    manifest = await stage.upload("new.mp4")

    assert not manifest.buckets_were_empty
    assert stage.keys(stage.output_bucket) == ["old.csv"]


@pytest.mark.parametrize(("folder", "words"), [("nowhere", "not a folder"), ("", "holds no file")])
async def test_a_folder_with_nothing_to_upload_is_refused(
    stage: Stage, folder: str, words: str
) -> None:
    with pytest.raises(CannotRun, match=words):
        await upload(stage.videos / folder, stage.settings, clear=False, console=stage.quiet)


async def test_a_bucket_that_is_not_there_is_named(stage: Stage) -> None:
    stage.settings = stage.settings.model_copy(update={"input_bucket": "nobody-made-this"})

    with pytest.raises(AwsError, match=r"bucket nobody-made-this: .*NoSuchBucket"):
        await stage.upload("x.mp4")


async def test_two_missing_buckets_are_named_at_once(stage: Stage) -> None:
    missing = {"input_bucket": "nobody-made-this", "output_bucket": "nor-this"}
    stage.settings = stage.settings.model_copy(update=missing)

    with pytest.raises(AwsError, match=r"bucket nobody-made-this .*; bucket nor-this "):
        await stage.upload("x.mp4")


async def test_an_account_that_does_not_answer_is_an_error_with_a_hint(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As many attempts as ever, at once: botocore's waits between them are seconds.
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")

        with pytest.raises(AwsError) as raised:
            await stage.upload("x.mp4")

    assert [name for name, _ in raised.value.details] == [
        f"bucket {stage.settings.input_bucket}",
        f"bucket {stage.settings.output_bucket}",
    ]
    assert raised.value.hint.startswith("check the network")


async def test_nothing_is_cleared_if_a_bucket_is_missing(stage: Stage) -> None:
    await stage.upload("x.mp4")
    bucket = stage.settings.need("input_bucket")
    stage.settings = stage.settings.model_copy(update={"output_bucket": "nobody-made-this"})

    with pytest.raises(AwsError, match="bucket nobody-made-this"):
        await upload_files([], stage.settings, clear=True, console=stage.quiet)

    assert stage.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


@pytest.fixture
def deep(stage: Stage) -> Iterator[str]:
    """A path that is too long to be listed, below the videos."""
    segments = ["d" * 250] * 17
    descriptor = os.open(stage.videos, os.O_RDONLY)
    for segment in segments:
        os.mkdir(segment, dir_fd=descriptor)
        below = os.open(segment, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    yield "/".join(segments[:16])
    shutil.rmtree(stage.videos / segments[0])


async def test_a_folder_that_cannot_be_read_is_named_and_nothing_is_uploaded(
    stage: Stage, deep: str
) -> None:
    write(stage.videos, **{"good.mp4": b"good"})

    with pytest.raises(CannotRun, match=f"{deep}.* cannot be read: File name too long"):
        await upload(stage.videos, stage.settings, clear=False, console=stage.quiet)

    assert stage.keys(stage.input_bucket) == []


@pytest.mark.parametrize("kind", ["pipe", "link to nothing", "link to a folder"])
async def test_a_pipe_is_named_and_nothing_is_uploaded(
    stage: Stage, tmp_path: Path, kind: str
) -> None:
    write(stage.videos, **{"good.mp4": b"good"})
    odd = stage.videos / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to(tmp_path / ("nowhere" if kind == "link to nothing" else ""))

    with pytest.raises(CannotRun, match="odd is neither a file nor a folder"):
        await upload(stage.videos, stage.settings, clear=False, console=stage.quiet)

    assert stage.keys(stage.input_bucket) == []


async def test_a_missing_variable_is_named_before_anything_is_done(stage: Stage) -> None:
    stage.settings = stage.settings.model_copy(update={"output_bucket": None})

    with pytest.raises(ConfigurationError, match="HYBRIDSPHERE_OUTPUT_BUCKET is not set"):
        await stage.upload("x.mp4")


async def test_all_missing_variables_are_named_at_once(stage: Stage) -> None:
    unset = {"output_bucket": None, "input_bucket": None}
    stage.settings = stage.settings.model_copy(update=unset)

    with pytest.raises(ConfigurationError, match=r"INPUT_BUCKET is not.*OUTPUT_BUCKET is not"):
        await stage.upload("x.mp4")


@pytest.mark.parametrize("content", [None, "{", "[]", '{"files": []}'])
def test_an_unreadable_manifest_has_a_remedy(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        manifest_path(tmp_path).parent.mkdir()
        manifest_path(tmp_path).write_text(content)

    with pytest.raises(CannotRun, match="upload"):
        Manifest.read(tmp_path)
