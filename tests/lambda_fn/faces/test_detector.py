"""YuNet on photographs and paintings of faces in every size and turn."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Detector, Face, detector
from lambda_fn.video.video import Rgb

ASTRONAUT = Box(60, 290, 190, 165)
"""Where her face is: roughly, since boxes differ in what they count as a face."""


def astronaut() -> Image.Image:
    return Image.fromarray(data.astronaut())


def found_in(image: Image.Image) -> list[Face]:
    return detector().find(np.array(image))


def test_a_face_is_found_with_its_five_points() -> None:
    [face] = found_in(astronaut())
    assert face.box.overlaps(ASTRONAUT)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.points
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


@pytest.mark.parametrize("size", [200, 350, 700, 1200])
def test_boxes_scale_with_the_picture(size: int) -> None:
    [face] = found_in(astronaut().resize((size, size)))
    assert face.scaled(512 / size).box.overlaps(found_in(astronaut())[0].box)


@pytest.mark.parametrize("angle", [-45, -20, 20, 45])
def test_a_tilted_face_is_found(angle: int) -> None:
    assert len(found_in(astronaut().rotate(angle))) == 1


def test_the_mirror_image_has_the_face_in_the_mirrored_place() -> None:
    picture = astronaut()
    [face] = found_in(picture)
    [other] = found_in(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    back = other.mirrored(picture.width)
    assert back.box.overlaps(face.box)
    assert np.abs(back.points - face.points).max() < 6


@pytest.mark.parametrize("picture", [data.coffee, data.rocket, data.chelsea, data.coins])
def test_pictures_without_a_face_have_none(picture: object) -> None:
    pixels: Rgb = picture()  # type: ignore[operator]
    if pixels.ndim == 2:
        pixels = np.stack([pixels] * 3, axis=2)
    assert detector().find(pixels) == []


def test_the_same_picture_gives_the_same_bits() -> None:
    first, again = found_in(astronaut()), found_in(astronaut())
    assert first[0].box == again[0].box
    assert (first[0].points == again[0].points).all()


def test_a_picture_smaller_than_a_cell_is_searched() -> None:
    assert detector().find(np.zeros((5, 7, 3), np.uint8)) == []


def test_an_earlier_picture_leaves_nothing_behind() -> None:
    # Both fill the same input of the network; the smaller picture leaves a margin of it.
    face, smaller = np.array(astronaut()), np.full((500, 500, 3), 90, np.uint8)
    assert detector().find(face)
    assert detector().find(smaller) == []
    [alone] = Detector().find(face)
    [again] = detector().find(face)
    assert np.array_equal(again.points, alone.points)
