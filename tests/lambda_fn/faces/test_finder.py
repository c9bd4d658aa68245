"""The search of a frame against face_recognition's, which looks at all of it in colour."""

from collections.abc import Callable, Iterator

import face_recognition
import numpy as np
import pytest
from PIL import Image, ImageFilter
from skimage import data

from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import detector
from lambda_fn.faces.finder import Finder
from lambda_fn.video.video import Frame, Rgb
from tests.lambda_fn.function_stage import Portrait

WIDTH, HEIGHT = 640, 480


def crowds() -> Iterator[Rgb]:
    """Many faces at once, in pictures of 50 to 160 pixels, turned, dark and unsharp."""
    alterations: list[Callable[[Image.Image], Image.Image]] = [
        lambda picture: picture,
        lambda picture: picture.rotate(12, Image.Resampling.BICUBIC),
        lambda picture: picture.point(lambda level: level // 3),
        lambda picture: picture.filter(ImageFilter.GaussianBlur(1.5)),
    ]
    for start, alter in enumerate(alterations):
        crowd = Image.new("RGB", (WIDTH, HEIGHT), (90, 110, 130))
        for at, size in enumerate((50, 60, 70, 80, 100, 120, 140, 160)):
            grey = (data.lfw_subset()[8 * start + at] * 255).astype(np.uint8)
            face = Image.fromarray(grey).convert("RGB").resize((size, size))
            crowd.paste(face, (at % 4 * 160, at // 4 * 240 + 30))
        yield np.array(alter(crowd))


def test_a_search_finds_what_face_recognition_finds_and_nothing_else() -> None:
    finder, faces = Finder(detector()), 0
    coffee = np.array(Image.fromarray(data.coffee()).resize((WIDTH, HEIGHT)))
    astronaut = np.array(Image.fromarray(data.astronaut()).crop((0, 0, 512, 480)))
    coins = np.stack([data.coins()] * 3, axis=2)
    for pixels in [*crowds(), astronaut, coffee, coins]:
        there = [Box(*box) for box in face_recognition.face_locations(pixels)]
        whole = Box(0, pixels.shape[1], pixels.shape[0], 0)
        assert finder.search(Frame.from_rgb(pixels), whole) == there
        faces += len(there)
    assert faces > 20


def dark_blue(portrait: Portrait) -> Rgb:
    """A large face in the light of a screen."""
    return (portrait("stranger", 400, 300) * np.array([0.02, 0.02, 0.3])).astype(np.uint8)


def nose_of_a_rocket() -> Rgb:
    """A part of a photograph that has a little of a face, but for its colours."""
    rocket = Image.fromarray(data.rocket()).resize((1320, 742), Image.Resampling.BICUBIC)
    return np.array(rocket.crop((281, 526, 461, 686)))


def seen_in_grey(pixels: Rgb) -> list[Box]:
    grey = Frame.from_rgb(pixels).grey()
    return [box for box, _ in detector().rated(grey, upsample=1)]


def searched(pixels: Rgb) -> list[Box]:
    whole = Box(0, pixels.shape[1], pixels.shape[0], 0)
    return Finder(detector()).search(Frame.from_rgb(pixels), whole)


def test_a_search_finds_a_face_in_the_dark_that_does_not_show_in_grey(portrait: Portrait) -> None:
    pixels = dark_blue(portrait)
    assert seen_in_grey(pixels) == []
    assert searched(pixels) == [Box(*box) for box in face_recognition.face_locations(pixels)] != []


def test_a_search_sees_no_face_where_only_grey_shows_one() -> None:
    pixels = nose_of_a_rocket()
    assert len(seen_in_grey(pixels)) == 1
    assert searched(pixels) == face_recognition.face_locations(pixels) == []


def test_a_search_of_more_than_1080p_finds_small_faces_too(portrait: Portrait) -> None:
    pixels = portrait("ada", 2048, 1152, 130)
    [there] = face_recognition.face_locations(pixels)
    assert searched(pixels) == [Box(*there)]
    assert searched(pixels)[0].width < 80


@pytest.mark.parametrize(("width", "face"), [(640, 160), (1280, 165), (1920, 250)])
def test_a_glance_finds_a_face_of_a_sixteenth_of_the_width(
    portrait: Portrait, width: int, face: int
) -> None:
    pixels = portrait("ada", width, width * 9 // 16, face)
    [there] = face_recognition.face_locations(pixels)
    [found] = Finder(detector()).glance(Frame.from_rgb(pixels))
    assert found.overlaps(Box(*there))


def test_a_glance_finds_no_more_than_face_recognition() -> None:
    """Nor what only resembles a face in a small picture: each is looked at closely."""
    finder = Finder(detector())
    for pixels in (data.coffee(), data.rocket(), data.chelsea()):
        frame = Frame.from_rgb(np.ascontiguousarray(pixels))
        assert face_recognition.face_locations(pixels) == finder.glance(frame) == []
