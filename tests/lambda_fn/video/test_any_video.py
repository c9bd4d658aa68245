"""Videos as people upload them: whoever is in one is found."""

import io
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest

from hybridsphere.recognition.gallery import Gallery
from lambda_fn.faces.engine import engine
from lambda_fn.recognition.attendance import attend
from lambda_fn.recognition.identify import identify
from lambda_fn.runtime.deadline import Deadline
from lambda_fn.video.video import Frame, Rgb, Video
from tests.lambda_fn.function_stage import ClipMaker, Portrait
from tests.lambda_fn.video.shown_clips import (
    LAYINGS,
    Matrix,
    Track,
    clip,
    squeezed,
    unlaid,
    with_matrix,
)

WhoIs = Callable[[bytes], list[str]]


@pytest.fixture(params=["identify", "attendance"])
def who_is_in(request: pytest.FixtureRequest, gallery: Gallery) -> WhoIs:
    """The names that a clip yields, in either mode."""

    def look(clip: bytes) -> list[str]:
        how = {
            "engine": engine("dlib"),
            "gallery": gallery,
            "tolerance": 0.6,
            "frames_per_s": 1.0,
            "deadline": Deadline(60),
        }
        with Video(io.BytesIO(clip)) as video:
            if request.param == "attendance":
                return [one.best.name for one in attend(video, **how).people]
            seen = identify(video, **how)
            return [seen.person.name] if seen.person else []

    return look


@pytest.mark.parametrize(
    ("container", "codec", "pixels"),
    [
        ("mov", "libx264", "yuv420p10le"),
        ("mp4", "libx264", "yuv422p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("avi", "mpeg4", "yuv420p"),
    ],
)
def test_in_any_container_and_pixel_format_at_854x480(
    *,
    who_is_in: WhoIs,
    make_clip: ClipMaker,
    portrait: Portrait,
    container: str,
    codec: str,
    pixels: str,
) -> None:
    picture = portrait("ada", 854, 480, 280)
    clip = make_clip(picture, container=container, codec=codec, pixels=pixels, rate=5)
    assert who_is_in(clip) == ["ada"]


@pytest.mark.parametrize("matrix", LAYINGS.values(), ids=LAYINGS)
def test_filmed_with_a_phone_held_another_way_or_with_its_front_camera(
    who_is_in: WhoIs, portrait: Portrait, matrix: Matrix
) -> None:
    """The picture lies on its side or is mirrored; the display matrix says how to show it."""
    lying = unlaid(portrait("ada"), matrix)
    assert who_is_in(with_matrix(clip(Track([lying] * 6)), matrix)) == ["ada"]


@pytest.mark.parametrize("aspect", [Fraction(64, 45), Fraction(4, 3), Fraction(2), Fraction(1, 2)])
def test_with_pixels_that_are_not_square(
    who_is_in: WhoIs, portrait: Portrait, aspect: Fraction
) -> None:
    picture = squeezed(portrait("ada"), aspect)
    assert who_is_in(clip(Track([picture] * 6, pixel_aspect=aspect))) == ["ada"]


@pytest.mark.parametrize(
    "before", [["black"], ["stranger"], ["nobody"] * 3, ["stranger", "nobody"]]
)
def test_who_comes_last(
    who_is_in: WhoIs, make_clip: ClipMaker, portrait: Portrait, before: list[str]
) -> None:
    black = np.zeros((360, 640, 3), np.uint8)
    scenes = [black if name == "black" else portrait(name) for name in before]
    assert who_is_in(make_clip(*scenes, portrait("ada"))) == ["ada"]


def test_who_is_in_the_last_frame_alone(
    who_is_in: WhoIs, make_clip: ClipMaker, portrait: Portrait
) -> None:
    clip = make_clip(*[portrait("nobody")] * 19, portrait("ada"), rate=6, each=1)
    assert who_is_in(clip) == ["ada"]


def test_at_a_frame_rate_that_varies(who_is_in: WhoIs, portrait: Portrait) -> None:
    """Fifty frames within half a second, then one every 1.7 seconds; the third of those is it."""
    shown = [(0.01 * number, "nobody") for number in range(50)]
    shown += [(2.2, "nobody"), (3.9, "stranger"), (5.6, "ada"), (7.3, "nobody")]
    assert who_is_in(varying(shown, portrait)) == ["ada"]


def varying(shown: list[tuple[float, str]], portrait: Portrait) -> bytes:
    """A clip of pictures, each from a moment on."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for at_s, name in shown:
            frame = av.VideoFrame.from_ndarray(portrait(name))
            frame.pts, frame.time_base = round(at_s * 1000), Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()


@pytest.fixture
def group(portrait: Portrait) -> Rgb:
    """Twelve people in three rows, small; two of them are known."""
    rows = [["stranger", "nobody", "stranger", "ben"], ["stranger"] * 4, ["ada", *["stranger"] * 3]]
    return np.vstack([np.hstack([portrait(name, 240, 200, 110) for name in row]) for row in rows])


def test_in_a_group_photograph_made_into_a_clip(
    who_is_in: WhoIs, make_clip: ClipMaker, group: Rgb
) -> None:
    found = who_is_in(make_clip(*[group] * 2, rate=3))
    assert set(found) <= {"ada", "ben"}
    assert len(found) >= 1


def test_everybody_in_a_group_photograph_is_listed(
    make_clip: ClipMaker, group: Rgb, gallery: Gallery
) -> None:
    assert len(engine("dlib").search(Frame.from_rgb(group))) == 11
    with Video(io.BytesIO(make_clip(*[group] * 2, rate=3))) as video:
        seen = attend(
            video,
            engine=engine("dlib"),
            gallery=gallery,
            tolerance=0.6,
            frames_per_s=1.0,
            deadline=Deadline(60),
        )
    assert {one.best.name: one.sightings for one in seen.people} == {"ada": 3, "ben": 3}
