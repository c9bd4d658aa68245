import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lambda_fn.video.video import Frame, Rgb, Unreadable, Video
from tests.lambda_fn.function_stage import ClipMaker, Portrait

DASH = b"""<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'>
<Period><AdaptationSet><Representation id='1'><BaseURL>{path}</BaseURL></Representation>
</AdaptationSet></Period></MPD>"""


def shade(level: int, width: int = 64, height: int = 48) -> Rgb:
    return np.full((height, width, 3), level, dtype=np.uint8)


def times(clip: bytes, gap_s: float = 1.0) -> list[float]:
    with Video(io.BytesIO(clip)) as video:
        return [round(frame.at_s, 2) for frame in video.frames(lambda: gap_s)]


def reason(file: bytes) -> str:
    with pytest.raises(Unreadable) as raised:
        times(file)
    return raised.value.reason


@pytest.mark.parametrize(
    ("container", "codec", "pixels"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mov", "libx264", "yuv422p10le"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("matroska", "libx264", "yuv420p"),
        ("avi", "mpeg4", "yuv420p"),
        ("mpegts", "mpeg2video", "yuv420p"),
        ("flv", "flv1", "yuv420p"),
    ],
)
def test_containers_and_codecs_of_real_videos_are_read(
    make_clip: ClipMaker, container: str, codec: str, pixels: str
) -> None:
    clip = make_clip(
        shade(80), shade(200), container=container, codec=codec, pixels=pixels, rate=24
    )
    with Video(io.BytesIO(clip)) as video:
        first, second = (frame for frame in video.frames(lambda: 1.0) if frame.at_s < 1.5)
    assert abs(int(first.rgb().mean()) - 80) < 8
    assert abs(int(second.rgb().mean()) - 200) < 8


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi"])
def test_a_tag_that_is_not_utf_8_does_not_spoil_the_video(
    make_clip: ClipMaker, container: str
) -> None:
    clip = make_clip(shade(40), container=container)
    assert b"Lavf" in clip
    assert times(clip.replace(b"Lavf", b"L\xe4vf"))[0] == 0.0


def test_frames_come_at_the_gap_asked_for_with_the_first_and_the_last(
    make_clip: ClipMaker,
) -> None:
    clip = make_clip(*[shade(90)] * 3, rate=10)
    assert times(clip, 1.0) == [0.0, 1.0, 2.0, 2.9]
    assert times(clip, 0.5) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 2.9]
    assert times(clip, 60.0) == [0.0, 2.9]


def test_nothing_is_read_before_it_is_asked_for(make_clip: ClipMaker) -> None:
    packets: list[None] = []
    clip = make_clip(*[shade(90)] * 9, codec="mpeg4", rate=10)
    with Video(io.BytesIO(clip)) as video:
        frames = video.frames(lambda: 1.0, tick=lambda: packets.append(None))
        next(frames)
        assert len(packets) <= 2
        next(frames)
        assert len(packets) <= 12


def test_leaving_pictures_out_changes_none_of_the_others(make_clip: ClipMaker) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (9, 96, 128, 3), dtype=np.uint8)
    clip = make_clip(*noise, rate=25)
    with av.open(io.BytesIO(clip)) as container:
        every = {round(picture.time, 3): picture for picture in container.decode(video=0)}
    with Video(io.BytesIO(clip)) as video:
        for frame in video.frames(lambda: 0.7):
            assert np.array_equal(frame.rgb(), Frame(every[round(frame.at_s, 3)]).rgb())


def test_the_first_picture_takes_one_packet_and_no_picture_comes_twice(
    make_clip: ClipMaker,
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (6, 96, 128, 3), dtype=np.uint8)
    packets: list[None] = []
    with Video(io.BytesIO(make_clip(*noise, rate=5))) as video:
        frames = video.frames(lambda: 0.0, tick=lambda: packets.append(None))
        first = next(frames)
        assert (first.at_s, len(packets)) == (0.0, 1)
        assert [round(frame.at_s, 2) for frame in frames] == [n / 5 for n in range(1, 30)]


def test_streams_that_were_joined_are_read_to_the_end(make_clip: ClipMaker) -> None:
    one = make_clip(*[shade(40)] * 3, container="mpegts", codec="mpeg2video", rate=24)
    two = make_clip(*[shade(200)] * 3, container="mpegts", codec="mpeg2video", rate=24)
    with Video(io.BytesIO(one + two)) as video:
        frames = [frame for frame in video.frames(lambda: 1.0) if not frame.extra]
    assert [bool(frame.rgb().mean() > 120) for frame in frames] == [False] * 3 + [True] * 3


def test_frames_of_an_odd_size_are_contiguous(make_clip: ClipMaker, portrait: Portrait) -> None:
    with Video(io.BytesIO(make_clip(portrait("nobody", width=854, height=480)))) as video:
        frame = next(video.frames(lambda: 1.0))
    assert frame.rgb().shape == (480, 854, 3)
    assert frame.rgb(480).shape == (270, 480, 3)
    assert frame.rgb().flags.c_contiguous
    assert frame.rgb(480).flags.c_contiguous


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [
        # What phones write: the picture is to be turned clockwise by 90 and by 270 degrees.
        ((0, 1, 0, -1, 0, 0), "top right"),
        ((0, -1, 0, 1, 0, 0), "bottom left"),
        ((-1, 0, 0, 0, -1, 0), "bottom right"),
    ],
)
def test_a_rotated_video_is_seen_upright(
    make_clip: ClipMaker, matrix: tuple[int, ...], corner: str
) -> None:
    picture = shade(0, 64, 48)
    picture[:24, :32] = 255
    clip = bytearray(make_clip(picture))
    # The track header ends with nine numbers and the size: three are 2.30, the others 16.16.
    header = clip.index(b"tkhd")
    start = header + struct.unpack(">I", clip[header - 4 : header])[0] - 4 - 8 - 36
    numbers = [n << (30 if at % 3 == 2 else 16) for at, n in enumerate((*matrix, 0, 0, 1))]
    clip[start : start + 36] = struct.pack(">9i", *numbers)

    with Video(io.BytesIO(bytes(clip))) as video:
        frame = next(video.frames(lambda: 1.0))

    pixels = frame.rgb()
    assert pixels.shape[:2] == (frame.height, frame.width)
    assert (frame.width > frame.height) == (corner == "bottom right")
    height, width = frame.height // 2, frame.width // 2
    quarters = {
        "top left": pixels[:height, :width],
        "top right": pixels[:height, width:],
        "bottom left": pixels[height:, :width],
        "bottom right": pixels[height:, width:],
    }
    assert max(quarters, key=lambda name: quarters[name].mean()) == corner
    assert frame.rgb(24).shape[1] == 24


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"words " * 1000,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile {path}\n",
        DASH,
    ],
    ids=["empty", "text", "m3u8", "concat", "dash"],
)
def test_text_and_playlists_are_no_videos(
    make_clip: ClipMaker, tmp_path: Path, file: bytes
) -> None:
    target = tmp_path / "local.mp4"
    target.write_bytes(make_clip(shade(90)))
    assert reason(file.replace(b"{path}", str(target).encode())) == "not_video"


def test_a_picture_and_a_sound_are_no_videos(make_clip: ClipMaker) -> None:
    picture = make_clip(shade(90), container="image2pipe", codec="mjpeg", pixels="yuvj420p", rate=1)
    assert picture.startswith(b"\xff\xd8")
    assert reason(picture) == "not_video"

    sound = io.BytesIO()
    with av.open(sound, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
        silence.sample_rate = 8000
        output.mux(stream.encode(silence))
        output.mux(stream.encode())
    assert reason(sound.getvalue()) == "not_video"


def test_of_a_truncated_video_what_decodes_counts(make_clip: ClipMaker) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (4, 96, 128, 3), dtype=np.uint8)
    clip = make_clip(*noise, container="matroska")
    assert times(clip[: len(clip) * 2 // 3])[:2] == [0.0, 1.0]


def test_broken_pictures_cost_only_themselves(make_clip: ClipMaker) -> None:
    clip = bytearray(make_clip(*[shade(90)] * 3, codec="mjpeg", pixels="yuvj420p", rate=2))
    at = clip.index(b"\xff\xd8", clip.index(b"\xff\xd8") + 1)
    clip[at : at + 40] = bytes(40)
    assert {0.0, 1.0, 2.0} <= set(times(bytes(clip)))


def test_a_video_without_its_index_is_damaged(make_clip: ClipMaker) -> None:
    clip = make_clip(shade(90))
    assert reason(clip[: clip.index(b"moov")]) == "damaged"


def test_a_frame_beyond_8k_is_too_large(make_clip: ClipMaker) -> None:
    clip = make_clip(shade(90, 16400, 2176), codec="mjpeg", pixels="yuvj420p", rate=1)
    assert reason(clip) == "too_large"


def test_of_frames_that_grow_beyond_8k_the_others_count() -> None:
    """The decoder refuses such a frame before it takes memory for it."""
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as output:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for at, picture in enumerate([shade(9), shade(90, 16400, 2176), shade(200)]):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.height, encoder.width = picture.shape[:2]
            encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1)
            frame = av.VideoFrame.from_ndarray(picture).reformat(format="yuvj420p")
            frame.pts, frame.time_base = at, Fraction(1)
            for packet in [*encoder.encode(frame), *encoder.encode()]:
                packet.stream = stream
                output.mux(packet)
    assert times(file.getvalue()) == [0.0, 2.0]


def test_an_error_of_the_search_ends_the_decoding(make_clip: ClipMaker) -> None:
    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    with Video(io.BytesIO(make_clip(shade(90)))) as video, pytest.raises(Enough):
        next(video.frames(lambda: 1.0, tick=stop))


def test_a_photograph_is_a_frame() -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (33, 47, 3), dtype=np.uint8)
    frame = Frame.from_rgb(pixels)
    assert (frame.width, frame.height, frame.at_s) == (47, 33, 0.0)
    assert np.array_equal(frame.rgb(), pixels)
