"""The best track of several, photographs in a video's boxes, and videos without a container."""

import io
import random
from contextlib import suppress
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from lambda_fn.video.formats import CODECS, CONTAINERS
from lambda_fn.video.video import Rgb, Unreadable, Video
from tests.lambda_fn.video.photo_files import avif, heic
from tests.lambda_fn.video.shown_clips import Track, clip

CASES = Path(__file__).parents[4] / "shared" / "cases" / "videos"


def shade(level: int, width: int = 64, height: int = 48) -> Rgb:
    return np.full((height, width, 3), level, np.uint8)


def levels(file: bytes) -> list[int]:
    """The grey levels that a video's frames show, one a fifth of a second."""
    with Video(io.BytesIO(file)) as video:
        return [round(float(frame.grey().mean())) for frame in video.frames(lambda: 0.2)]


def reason(file: bytes) -> str:
    with pytest.raises(Unreadable) as raised:
        levels(file)
    return raised.value.reason


DARK = Track([shade(40)] * 3)
LIGHT = Track([shade(200)] * 3)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_the_default_track_comes_before_an_earlier_one(container: str) -> None:
    file = clip(DARK, LIGHT._replace(default=True), container=container)
    assert min(levels(file)) > 180
    assert max(levels(clip(DARK, LIGHT, container=container))) < 60


def test_a_track_that_can_be_decoded_comes_before_the_default_one() -> None:
    file = clip(DARK._replace(default=True), LIGHT)
    unknown = file.replace(b"avc1", b"zzz1", file.count(b"avc1") - 1)
    assert unknown.index(b"zzz1") < unknown.rindex(b"avc1")
    assert min(levels(unknown)) > 180
    assert reason(unknown.replace(b"avc1", b"zzz1")) == "codec_unknown"


@pytest.mark.parametrize("codec", ["mjpeg", "libx264"])
def test_a_moving_picture_comes_before_a_still_that_nobody_flagged(codec: str) -> None:
    still = Track([shade(40)], codec, default=True)
    assert min(levels(clip(still, LIGHT))) > 180
    assert max(levels(clip(still))) < 60


def test_a_cover_in_matroska_comes_after_the_film() -> None:
    file = clip(Track([shade(40)], "mjpeg"), LIGHT, container="matroska")
    assert min(levels(file)) > 180


def test_a_track_beyond_8k_gives_way_to_a_smaller_one() -> None:
    huge = Track([shade(40, 16400, 2176)] * 2, "mjpeg", default=True)
    assert min(levels(clip(huge, LIGHT))) > 180


def test_avif_and_heic_photographs_are_no_videos() -> None:
    for photo in (avif([shade(90)]), heic(shade(90)), heic(shade(90), b"mif1")):
        with av.open(io.BytesIO(photo)) as container:
            assert len([*container.decode(video=0)]) == 1
        assert reason(photo) == "not_video"


def test_a_photograph_as_the_one_picture_of_a_track_is_no_video() -> None:
    one_picture = clip(Track([shade(90)]))
    assert len(levels(one_picture)) == 1
    assert reason(one_picture.replace(b"ftypisom", b"ftypheic", 1)) == "not_video"


def test_an_animated_avif_shows_its_frames_not_its_cover() -> None:
    assert len(levels(avif([shade(40), shade(120), shade(200)]))) == 3


@pytest.mark.parametrize(
    ("container", "codec"), [("h264", "libx264"), ("hevc", "libx265"), ("m4v", "mpeg4")]
)
def test_video_without_a_container_is_read_from_its_first_second_on(
    container: str, codec: str
) -> None:
    file = clip(Track([shade(40)] * 30 + [shade(200)] * 30, codec), container=container, rate=25)
    with Video(io.BytesIO(file)) as video:
        frames = [(frame.at_s, frame.rgb().mean() > 120) for frame in video.frames(lambda: 0.5)]
    assert frames[0][0] == 0.0
    assert [light for _, light in frames] == [at_s >= 1.2 for at_s, _ in frames]
    assert frames[-1][0] == pytest.approx(59 / 25, abs=0.05)


def test_each_container_and_codec_of_the_list_is_in_ffmpeg() -> None:
    known = {name for demuxer in av.formats_available for name in demuxer.split(",")}
    for container in CONTAINERS:
        assert set(container.demuxers.split(",")) <= known
    for _, codec in CODECS:
        assert av.Codec(codec, "r").type == "video"


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "libx264"), ("matroska", "libx264"), ("mpegts", "mpeg2video"), ("asf", "mpeg4")],
)
def test_any_header_ends_in_frames_or_in_a_reason(container: str, codec: str) -> None:
    """Only Unreadable leaves the decoder: another error would be taken for the function's own."""
    whole = clip(Track([shade(40)] * 3, codec), container=container, rate=25)
    chance = random.Random(14)
    for _ in range(80):
        file = bytearray(whole)
        for _ in range(chance.choice((1, 4, 16))):
            # MP4 has its header at the end.
            at = chance.randrange(min(1500, len(file)))
            file[chance.choice((at, -1 - at))] = chance.choice(
                (0, 0x7F, 0xFF, chance.randrange(256))
            )
        with suppress(Unreadable), Video(io.BytesIO(bytes(file))) as video:
            for frame in islice(video.frames(lambda: 0.0), 3):
                frame.grey(32)


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
@pytest.mark.parametrize("name", ["control.mp4", "mirror_h.mp4", "two_streams.mp4", "raw.h264"])
def test_the_collected_videos_show_what_the_control_shows(name: str) -> None:
    shown = []
    for file in (CASES / "control.mp4", CASES / name):
        with Video(io.BytesIO(file.read_bytes())) as video:
            shown.append(next(video.frames(lambda: 1.0)).grey(160).astype(int))
    control, other = shown
    assert control.shape == other.shape
    assert np.abs(control - other).mean() < 3


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
@pytest.mark.parametrize("name", ["photo.avif", "photo.jpg"])
def test_the_collected_photographs_are_no_videos(name: str) -> None:
    assert reason((CASES / name).read_bytes()) == "not_video"
