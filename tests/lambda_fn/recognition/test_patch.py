import numpy as np
import pytest

from lambda_fn.faces.box import Box
from lambda_fn.faces.engine import engine
from lambda_fn.recognition.patch import Patch
from lambda_fn.video.video import Frame, Rgb
from tests.lambda_fn.function_stage import Portrait


def find(pixels: Rgb) -> Box:
    [face] = engine("dlib").look(Frame.from_rgb(pixels))
    return face.box


def patch(pixels: Rgb) -> Patch:
    return Patch.cut(pixels, find(pixels))


@pytest.mark.parametrize("name", ["ada", "ben", "stranger"])
def test_a_face_is_like_itself_beside_its_box_and_in_other_light(
    portrait: Portrait, name: str
) -> None:
    pixels = portrait(name)
    box = find(pixels)
    off = box.height // 9
    moved = np.roll(pixels, (40 + off, -30 + off), axis=(0, 1))
    there = Box(box.top + 40, box.right - 30, box.bottom + 40, box.left - 30)
    darker = (moved * 0.6).astype(np.uint8)
    assert Patch.cut(darker, there).likeness(Patch.cut(pixels, box)) > 0.9


def test_people_are_less_like_each_other(portrait: Portrait) -> None:
    patches = [patch(portrait(name)) for name in ("ada", "ben", "stranger")]
    for one in patches:
        assert max(one.likeness(other) for other in patches if other is not one) < 0.7


def test_faces_at_an_edge_and_without_contrast_have_patches() -> None:
    black = Patch.cut(np.zeros((100, 100, 3), np.uint8), Box(-20, 130, 80, 40))
    assert black.likeness(black) == 0
