"""Videos and frames as a player shows them."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from hybridsphere.recognition.gallery import Gallery
from lambda_fn.enroll import enroll
from lambda_fn.video.crop import Crop
from lambda_fn.video.display import squared
from lambda_fn.video.video import MAX_PIXELS, Frame, Rgb, Unreadable, Video
from tests.lambda_fn.function_stage import Portrait
from tests.lambda_fn.video.shown_clips import (
    LAYINGS,
    Matrix,
    Track,
    clip,
    laid,
    rewrapped,
    squeezed,
    unlaid,
    with_crop,
    with_matrix,
)

ASPECTS = [Fraction(64, 45), Fraction(4, 3), Fraction(2), Fraction(1, 2)]


def corners() -> Rgb:
    """A picture whose four corners differ."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32] = 240, 160, 80
    return picture


def first_frame(file: bytes) -> Frame:
    with Video(io.BytesIO(file)) as video:
        return next(video.frames(lambda: 1.0))


@pytest.mark.parametrize("matrix", LAYINGS.values(), ids=LAYINGS)
def test_a_frame_is_laid_as_its_display_matrix_says(matrix: Matrix) -> None:
    frame = first_frame(with_matrix(clip(Track([corners()])), matrix))

    shown = laid(corners(), matrix)
    assert (frame.height, frame.width) == shown.shape[:2]
    assert np.abs(frame.rgb().astype(int) - shown).mean() < 5
    assert frame.rgb().flags.c_contiguous
    half = frame.grey(frame.width // 2)
    assert np.abs(half.astype(int) - shown[::2, ::2, 0]).mean() < 10


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts", "avi"])
@pytest.mark.parametrize("aspect", ASPECTS)
def test_pixels_that_are_not_square_are_made_so(container: str, aspect: Fraction) -> None:
    codec = "mpeg2video" if container == "mpegts" else "libx264"
    if codec == "mpeg2video":
        # MPEG-2 knows only shapes of the whole picture, such as 4:3 and 16:9.
        aspect = Fraction(16, 9) / Fraction(64, 48)
    frame = first_frame(clip(Track([corners()], codec, pixel_aspect=aspect), container=container))

    assert frame.width / frame.height == pytest.approx(64 / 48 * float(aspect), rel=0.03)
    assert min(frame.width / 64, frame.height / 48) == 1
    assert frame.rgb().shape[:2] == (frame.height, frame.width)


def test_a_turned_picture_is_stretched_along_its_own_width() -> None:
    file = clip(Track([corners()], pixel_aspect=Fraction(2)))
    frame = first_frame(with_matrix(file, LAYINGS["a quarter"]))
    assert (frame.width, frame.height) == (48, 128)


def test_an_absurd_pixel_aspect_is_ignored_and_a_huge_picture_stays_in_bounds() -> None:
    assert squared(640, 360, 1000) == (640, 360)
    assert squared(640, 360, 0.001) == (640, 360)
    width, height = squared(8192, 4320, 4 / 3)
    assert width * height <= MAX_PIXELS * 1.001
    assert width / height == pytest.approx(8192 / 4320 * 4 / 3, rel=0.001)


def test_what_is_cropped_is_not_shown() -> None:
    picture = np.full((48, 64, 3), 250, np.uint8)
    picture[8:40, 16:60] = corners()[8:40, 16:60]
    whole = av.VideoFrame.from_ndarray(picture)

    frame = Frame(whole, crop=Crop(top=8, bottom=8, left=16, right=4))

    assert (frame.width, frame.height) == (44, 32)
    assert np.array_equal(frame.rgb(), corners()[8:40, 16:60])
    assert frame.grey(22).shape == (16, 22)
    assert frame.grey().max() < 245
    assert Frame(whole, crop=Crop(left=40, right=30)).width == 64


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_the_crop_of_the_container_is_applied(container: str) -> None:
    picture = np.full((48, 64, 3), 250, np.uint8)
    picture[8:38, 16:56] = 40
    file = with_crop(clip(Track([picture])), Crop(top=8, bottom=10, left=16, right=8))
    if container == "matroska":
        file = rewrapped(file, container)

    frame = first_frame(file)

    assert (frame.width, frame.height) == (40, 30)
    assert np.abs(frame.grey().astype(int) - 40).max() < 40
    assert first_frame(clip(Track([picture]), container=container)).width == 64


def test_a_cropped_picture_is_turned_after_the_crop() -> None:
    crop = Crop(top=24, bottom=0, left=0, right=32)
    file = with_matrix(with_crop(clip(Track([corners()])), crop), LAYINGS["a quarter"])
    frame = first_frame(file)
    assert (frame.width, frame.height) == (24, 32)
    assert abs(float(frame.grey()[2:-2, 2:-2].mean()) - 80) < 8


@pytest.mark.parametrize("name", ["mirrored", "upside down in a mirror", "transposed", "half"])
def test_somebody_is_enrolled_from_a_clip_that_is_laid_another_way(
    tmp_path: Path, portrait: Portrait, gallery: Gallery, name: str
) -> None:
    lying = unlaid(portrait("ada"), LAYINGS[name])
    (tmp_path / "ada.mp4").write_bytes(with_matrix(clip(Track([lying] * 5)), LAYINGS[name]))

    enrolled = enroll(tmp_path, report=pytest.fail, known=gallery)

    assert len(enrolled) == len(gallery) + 1
    assert [match.name for match in gallery.matches(enrolled.embeddings[-1], 0.4)] == ["ada"]


@pytest.mark.parametrize("aspect", ASPECTS)
def test_somebody_is_enrolled_from_a_clip_whose_pixels_are_not_square(
    tmp_path: Path, portrait: Portrait, gallery: Gallery, aspect: Fraction
) -> None:
    picture = squeezed(portrait("ada"), aspect)
    file = clip(Track([picture] * 5, pixel_aspect=aspect))
    (tmp_path / "ada.mp4").write_bytes(file)

    enrolled = enroll(tmp_path, report=pytest.fail, known=gallery)

    assert len(enrolled) == len(gallery) + 1
    assert [match.name for match in gallery.matches(enrolled.embeddings[-1], 0.4)] == ["ada"]


@pytest.mark.parametrize("colours", range(18))
def test_a_picture_of_any_colour_space_can_be_seen(colours: int) -> None:
    picture = av.VideoFrame.from_ndarray(corners(), "rgb24").reformat(format="yuv420p")
    plain = Frame(picture).grey(32).mean()
    picture.colorspace = colours
    assert Frame(picture).rgb(32).mean() == pytest.approx(plain, abs=12)
    assert Frame(picture).grey(32).mean() == pytest.approx(plain, abs=12)


def test_a_picture_that_cannot_be_converted_is_damaged() -> None:
    picture = av.VideoFrame.from_ndarray(corners(), "rgb24").reformat(format="yuv420p")
    picture.color_range = 9
    with pytest.raises(Unreadable, match="damaged"):
        Frame(picture).rgb()
