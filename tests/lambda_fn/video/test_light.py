"""Dark pictures are brightened, and others stay as they are."""

import numpy as np
import pytest

from lambda_fn.faces.engine import engine
from lambda_fn.video.light import Light
from lambda_fn.video.video import Frame
from tests.lambda_fn.function_stage import Portrait


def test_a_picture_in_the_light_stays_as_it_is(portrait: Portrait) -> None:
    picture = portrait("ada")
    light = Light.of(picture)
    assert light.factor == 1
    assert light.on(picture) is picture


def test_one_bright_spot_in_the_dark_changes_nothing() -> None:
    picture = np.full((90, 160, 3), 20, np.uint8)
    factor = Light.of(picture).factor
    assert factor == 6
    picture[:4, :4] = 255
    assert Light.of(picture).factor == factor


def test_a_black_picture_stays_black() -> None:
    black = np.zeros((90, 160, 3), np.uint8)
    assert not Light.of(black).on(black).any()


def test_all_sizes_of_a_frame_are_brightened_alike(portrait: Portrait) -> None:
    frame = Frame.from_rgb((portrait("ada", 640, 360, 200) * 0.1).astype(np.uint8))
    assert frame.rgb(320).mean() == pytest.approx(frame.rgb().mean(), abs=1)
    assert frame.rgb().max() > 110
    # Changes are looked for in the picture as it is.
    assert frame.grey().max() < 30


@pytest.mark.parametrize("name", ["yunet-sface", "dlib"])
def test_a_face_in_the_dark_is_found_and_encoded_as_in_the_light(
    portrait: Portrait, name: str
) -> None:
    bright = portrait("ada", 640, 360, 200)
    rows, faces = [], engine(name)
    for picture in (bright, (bright * 0.06).astype(np.uint8)):
        frame = Frame.from_rgb(picture)
        [face] = faces.glance(frame)
        rows.append(faces.encode(frame, [face])[0])
    assert np.linalg.norm(rows[0] - rows[1]) < 0.3
