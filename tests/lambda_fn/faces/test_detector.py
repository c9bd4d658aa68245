"""The detector from its file against dlib's own, which face_recognition uses."""

import dlib
import face_recognition
import numpy as np
import pytest
from PIL import Image
from skimage import data

from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import detector
from lambda_fn.video.video import Rgb


def pictures() -> list[Rgb]:
    astronaut = Image.fromarray(data.astronaut())
    turned = [astronaut.rotate(angle) for angle in (-30, -15, 15, 30)]
    sizes = [astronaut.resize((side, side)) for side in (200, 350, 700)]
    lfw = [np.stack([(face * 255).astype(np.uint8)] * 3, axis=2) for face in data.lfw_subset()[:12]]
    return [np.array(picture) for picture in [astronaut, *turned, *sizes, data.coffee()]] + [
        np.hstack([np.array(Image.fromarray(face).resize((200, 200))) for face in lfw])
    ]


@pytest.mark.parametrize("upsample", [0, 1])
def test_it_finds_exactly_what_dlibs_own_finds_with_the_same_confidence(upsample: int) -> None:
    own = dlib.get_frontal_face_detector()
    count = 0
    for pixels in pictures():
        expected = own.run(pixels, upsample, -0.5)
        found = detector().hog.run(pixels, upsample, -0.5)
        assert [list(part) for part in found] == [list(part) for part in expected]
        count += len(expected[0])
    assert count > 10


@pytest.mark.parametrize("upsample", [0, 1])
def test_faces_are_where_face_recognition_finds_them(upsample: int) -> None:
    # Cut through its face, so that the detector's box reaches over the edge.
    for pixels in [*pictures(), np.ascontiguousarray(data.astronaut()[100:])]:
        expected = [Box(*box) for box in face_recognition.face_locations(pixels, upsample)]
        assert detector().find(pixels, upsample=upsample) == expected
