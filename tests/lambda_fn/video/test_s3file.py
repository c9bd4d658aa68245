import io
import struct
from collections.abc import Iterator
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from lambda_fn.runtime import aws
from lambda_fn.runtime.deadline import OutOfTime
from lambda_fn.video.s3file import S3File
from lambda_fn.video.video import Unreadable, Video
from tests.lambda_fn.function_stage import ClipMaker, Stage

SIZE = 3_000_000
BYTES = np.random.default_rng(1).bytes(SIZE)


def opened(stage: Stage, body: bytes) -> S3File:
    record = stage.upload("file", body)
    return S3File(aws.client("s3"), record.bucket, record.key, record.etag)


def read_all(file: S3File, size: int) -> bytes:
    return b"".join(iter(lambda: file.read(size), b""))


@pytest.mark.parametrize("size", [32768, 1_000_003, -1])
def test_it_reads_what_the_object_holds(stage: Stage, size: int) -> None:
    assert read_all(opened(stage, BYTES), size) == BYTES


def test_it_seeks_like_a_file(stage: Stage) -> None:
    file, real = opened(stage, BYTES), io.BytesIO(BYTES)
    for offset, whence in [(-10, 2), (0, 0), (1_500_000, 0), (-700_000, 1), (5, 1), (SIZE + 5, 0)]:
        assert file.seek(offset, whence) == real.seek(offset, whence)
        piece = file.read(7)
        assert piece == real.read(7)
        assert file.tell() == real.tell()


def test_reading_on_takes_few_requests(stage: Stage) -> None:
    read_all(opened(stage, BYTES), 32768)
    assert stage.calls.count("s3.GetObject") <= 5


def test_a_jump_to_the_end_reads_little_of_what_lies_between(stage: Stage) -> None:
    file = opened(stage, BYTES)
    fetched: list[int] = []

    def note(parsed: dict[str, Any], **_: Any) -> None:
        fetched.append(parsed["ContentLength"])

    events = aws.client("s3").meta.events
    events.register("after-call.s3.GetObject", note)
    try:
        file.read(100)
        file.seek(-100, io.SEEK_END)
        file.read(100)
    finally:
        events.unregister("after-call.s3.GetObject", note)
    assert sum(fetched) < 300_000


@pytest.fixture(params=["honoured", "ignored"])
def if_match(request: pytest.FixtureRequest, account: None) -> Iterator[None]:
    """A server that honours If-Match, as S3 does, and a server that does not."""

    def ignore(request: AWSRequest, **_: object) -> None:
        del request.headers["If-Match"]

    events = aws.client("s3").meta.events
    if request.param == "ignored":
        events.register("before-sign.s3.GetObject", ignore)
    yield
    events.unregister("before-sign.s3.GetObject", ignore)


@pytest.mark.parametrize("at", [0, 300_000, SIZE - 1])
def test_a_version_that_is_overwritten_while_it_is_read_is_superseded(
    stage: Stage, if_match: None, at: int
) -> None:
    file = opened(stage, BYTES)
    if at:
        file.read(1)
    stage.upload("file", BYTES[::-1])
    file.seek(at)
    with pytest.raises(Unreadable) as raised:
        file.read(1)
    assert raised.value.reason == "superseded"


def test_an_object_that_vanishes_while_a_video_is_decoded_is_gone(
    stage: Stage, make_clip: ClipMaker
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (6, 360, 640, 3), dtype=np.uint8)
    file = opened(stage, make_clip(*noise, container="matroska"))
    with Video(file) as video:
        frames = video.frames(lambda: 0.1)
        next(frames)
        aws.client("s3").delete_object(Bucket=stage.input_bucket, Key="file")
        with pytest.raises(Unreadable) as raised:
            list(frames)
    assert raised.value.reason == "gone"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>404 Not Found</html>",
        b"",
        b"<Error><Code>NoSuchBucket</Code><Message>told to fail</Message></Error>",
    ],
    ids=["page", "nothing", "bucket"],
)
def test_a_404_that_is_not_about_the_object_is_an_outage(stage: Stage, body: bytes) -> None:
    file = opened(stage, BYTES)

    def answer(request: Any, **_: Any) -> AWSResponse:
        found = AWSResponse(request.url, 404, {}, None)
        # It would be read from a connection.
        found._content = body
        return found

    events = aws.client("s3").meta.events
    events.register("before-send.s3.GetObject", answer)
    try:
        with pytest.raises(ClientError):
            file.read(1)
    finally:
        events.unregister("before-send.s3.GetObject", answer)


def test_an_object_of_no_bytes_is_empty(stage: Stage) -> None:
    with pytest.raises(Unreadable) as raised:
        opened(stage, b"").read(1)
    assert raised.value.reason == "empty"


def test_an_outage_passes_through_the_decoder_as_it_is(account: None) -> None:
    nobody_listens = "http://127.0.0.1:1"
    config = Config(retries={"max_attempts": 0})
    s3 = boto3.client("s3", endpoint_url=nobody_listens, config=config)
    with pytest.raises(EndpointConnectionError, match=nobody_listens):
        Video(S3File(s3, "bucket", "key", "etag"))


ENDLESS = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom") + 500 * (
    struct.pack(">I4s", 4096, b"free") + bytes(4088)
)
"""An MP4 that never comes to its index."""


def test_a_search_for_an_index_that_never_comes_can_be_ended(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    reads: list[None] = []

    def tick() -> None:
        reads.append(None)
        if len(reads) > 5:
            raise OutOfTime

    record = stage.upload("clip.mp4", ENDLESS)
    with pytest.raises(OutOfTime):
        Video(S3File(aws.client("s3"), record.bucket, record.key, record.etag, tick))
    assert len(reads) == 6
    assert "exception being dropped" not in capfd.readouterr().err


def test_after_an_error_a_decoder_that_reads_on_asks_s3_no_more(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    file = opened(stage, ENDLESS)
    file.read(1)
    aws.client("s3").delete_object(Bucket=stage.input_bucket, Key="file")
    stage.calls.clear()
    with pytest.raises(Unreadable, match="gone"):
        Video(file)
    assert stage.calls == ["s3.GetObject"]
    assert "exception being dropped" not in capfd.readouterr().err


def test_an_error_is_never_its_own_cause() -> None:
    with pytest.raises(ClientError, match="AccessDenied") as raised:
        S3File(_Refusing(), "bucket", "key", "etag").read(1)
    assert raised.value.__cause__ is not raised.value


class _Refusing:
    """A client whose access is denied, as a policy may do in the middle of a video."""

    def get_object(self, **_: object) -> dict[str, object]:
        answer = {
            "Error": {"Code": "AccessDenied", "Message": "no"},
            "ResponseMetadata": {"HTTPStatusCode": 403},
        }
        raise ClientError(answer, "GetObject")
