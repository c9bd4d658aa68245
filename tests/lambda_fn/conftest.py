"""The function's surroundings: a moto server, faces of real people, and clips of them."""

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image
from skimage import data

from hybridsphere.recognition.gallery import Gallery
from lambda_fn import handler
from lambda_fn.faces.engine import engine
from lambda_fn.runtime import aws
from lambda_fn.video.video import Frame, Rgb
from tests.lambda_fn.function_stage import ClipMaker, LogLines, Portrait, Stage
from tests.leaks import found_in
from tests.moto_account import moto_account

# Portraits whose embeddings lie at least 0.7 apart: the astronaut, and pictures of lfw_subset.
_LFW = {"ben": 46, "cleo": 83, "stranger": 20}
_serial = itertools.count()


@pytest.fixture(scope="session")
def account() -> Iterator[None]:
    """A moto server, and an environment that leads the function's clients there."""
    with moto_account():
        aws.client.cache_clear()
        yield
        aws.client.cache_clear()


@pytest.fixture
def stage(
    account: None, monkeypatch: pytest.MonkeyPatch, gallery: Gallery, tmp_path: Path
) -> Iterator[Stage]:
    serial = next(_serial)
    s3, dynamodb = aws.client("s3"), aws.client("dynamodb")
    queue = aws.client("sqs").create_queue(QueueName=f"output-{serial}")["QueueUrl"]
    stage = Stage(f"input-{serial}", f"output-{serial}", queue, f"students-{serial}")
    for bucket in (stage.input_bucket, stage.output_bucket):
        s3.create_bucket(Bucket=bucket)
    dynamodb.create_table(
        TableName=stage.table,
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    ada = {"name": {"S": "ada"}, "major": {"S": "physics"}, "year": {"S": "junior"}}
    dynamodb.put_item(TableName=stage.table, Item=ada)
    gallery.save(tmp_path / "gallery.npz")
    monkeypatch.setenv("HYBRIDSPHERE_OUTPUT_BUCKET", stage.output_bucket)
    monkeypatch.setenv("HYBRIDSPHERE_OUTPUT_QUEUE_URL", stage.queue_url)
    monkeypatch.setenv("HYBRIDSPHERE_TABLE", stage.table)
    monkeypatch.setenv("HYBRIDSPHERE_GALLERY", str(tmp_path / "gallery.npz"))
    handler._gallery_source.cache_clear()

    def note(model: Any, **_: Any) -> None:
        stage.calls.append(f"{model.service_model.service_name}.{model.name}")

    clients = [aws.client(service) for service in ("s3", "sqs", "dynamodb")]
    for client in clients:
        client.meta.events.register("before-call", note)
    yield stage
    for client in clients:
        client.meta.events.unregister("before-call", note)


@pytest.fixture(scope="session")
def portrait() -> Portrait:
    """Pictures of people by name: `ada`, `ben`, `cleo`, `stranger`, or `nobody`."""

    def paint(name: str, width: int = 640, height: int = 360, face: int = 220) -> Rgb:
        picture = Image.new("RGB", (width, height), (90, 110, 130))
        if name == "ada":
            head = Image.fromarray(data.astronaut()).crop((130, 0, 330, 200))
        elif name != "nobody":
            grey = (data.lfw_subset()[_LFW[name]] * 255).astype(np.uint8)
            head = Image.fromarray(grey).convert("RGB")
        if name != "nobody":
            picture.paste(head.resize((face, face)), ((width - face) // 2, (height - face) // 2))
        return np.array(picture)

    return paint


@pytest.fixture(scope="session")
def gallery(portrait: Portrait) -> Gallery:
    """A gallery of the engine `dlib`: ada is a student, ben and cleo have no record."""
    faces, rows = engine("dlib"), []
    for name in ("ben", "cleo", "ada"):
        frame = Frame.from_rgb(portrait(name, face=200))
        rows.append(faces.encode(frame, faces.look(frame))[0])
    return Gallery(["ben", "cleo", "ada"], np.array(rows))


@pytest.fixture(scope="session")
def make_clip() -> ClipMaker:
    """A video file of the pictures given, each shown for a second, or for `each` frames."""

    def make(
        *pictures: Rgb,
        container: str = "mp4",
        codec: str = "libx264",
        pixels: str = "yuv420p",
        rate: int = 6,
        each: int | None = None,
    ) -> bytes:
        file = io.BytesIO()
        with av.open(file, "w", format=container) as output:
            stream = cast(VideoStream, output.add_stream(codec, rate=rate))
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = pixels
            for picture in pictures:
                for _ in range(each or rate):
                    output.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            output.mux(stream.encode())
        return file.getvalue()

    return make


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> LogLines:
    """The function's log lines so far."""

    def lines() -> list[dict[str, Any]]:
        printed = capsys.readouterr()
        assert found_in(printed.out + printed.err) == []
        return [json.loads(line) for line in printed.out.splitlines()]

    return lines
