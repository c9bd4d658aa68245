"""A recording of 200 MB, of which little is fetched and less is held."""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image

from lambda_fn.runtime import aws
from lambda_fn.video.s3file import S3File
from lambda_fn.video.video import Rgb
from tests.lambda_fn.function_stage import Portrait, Stage


@pytest.fixture
def fetched(stage: Stage) -> Iterator[list[int]]:
    """The length of each range that S3 sent."""
    lengths: list[int] = []

    def note(parsed: dict[str, Any], **_: Any) -> None:
        lengths.append(parsed["ContentLength"])

    events = aws.client("s3").meta.events
    events.register("after-call.s3.GetObject", note)
    yield lengths
    events.unregister("after-call.s3.GetObject", note)


def jpeg(picture: Rgb) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=90)
    return file.getvalue()


def recording(
    file: Path, pictures: Iterable[bytes], *, frame_bytes: int, index_first: bool = False
) -> bytes:
    """An MP4 of a JPEG a second, each followed by bytes that no decoder looks at."""
    filling = np.random.default_rng(1).bytes(frame_bytes)
    options = {"movflags": "faststart"} if index_first else {}
    with av.open(str(file), "w", options=options) as output:
        stream = cast(VideoStream, output.add_stream("mjpeg", rate=1))
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuvj420p"
        for second, picture in enumerate(pictures):
            packet = av.Packet(picture + filling[len(picture) :])
            packet.pts = packet.dts = second
            packet.time_base = Fraction(1, 1)
            packet.stream = stream
            packet.is_keyframe = True
            output.mux(packet)
    return file.read_bytes()


@pytest.mark.parametrize("index_first", [False, True])
def test_to_identify_somebody_under_two_percent_are_fetched(
    *, stage: Stage, portrait: Portrait, fetched: list[int], tmp_path: Path, index_first: bool
) -> None:
    pictures = [jpeg(portrait("nobody"))] * 2 + [jpeg(portrait("ada"))] * 398
    clip = recording(tmp_path / "clip.mp4", pictures, frame_bytes=500_000, index_first=index_first)
    assert len(clip) > 200_000_000
    assert (clip.index(b"moov") < 100) is index_first

    [result] = stage.run(stage.upload("clip.mp4", clip))

    assert [person.name for person in result.people] == ["ada"]
    assert sum(fetched) < 0.02 * len(clip)


def test_of_all_that_is_read_one_range_is_held(stage: Stage, fetched: list[int]) -> None:
    record = stage.upload("clip.mp4", bytes(30_000_000))
    file = S3File(aws.client("s3"), record.bucket, record.key, record.etag)
    while file.read(1_000_000):
        held = sum(len(value) for value in vars(file).values() if isinstance(value, bytes))
        assert held <= 8 * 1024 * 1024
    assert sum(fetched) == 30_000_000


@pytest.mark.parametrize(
    ("mode", "status"), [("attendance", "matched"), ("identify", "unknown_face")]
)
def test_where_the_time_is_short_it_ends_with_what_it_has_seen(
    *,
    stage: Stage,
    portrait: Portrait,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    mode: str,
    status: str,
) -> None:
    """To look at all of it would take ten times as long, and more."""
    monkeypatch.setenv("HYBRIDSPHERE_MODE", mode)
    first = portrait("ada" if mode == "attendance" else "stranger")
    dark, light = np.zeros_like(first), np.full_like(first, 255)
    pictures = [jpeg(first), *[jpeg(dark), jpeg(light)] * 400]
    clip = recording(tmp_path / "clip.mp4", pictures, frame_bytes=100_000)

    [result] = stage.run(stage.upload("clip.mp4", clip), seconds=3)

    assert (result.status, result.reason) == (status, "cut_short")
