import face_recognition
import numpy as np
import pytest

from lambda_fn.faces.box import Box
from lambda_fn.faces.engine import Engine
from lambda_fn.video.video import Frame
from tests.lambda_fn.function_stage import Portrait


@pytest.mark.parametrize(
    ("width", "height", "face"), [(640, 360, 220), (1280, 720, 460), (1920, 1080, 500)]
)
def test_a_large_face_is_found_at_a_glance_and_encoded_as_face_recognition_does(
    portrait: Portrait, width: int, height: int, face: int
) -> None:
    pixels = portrait("ada", width, height, face)
    faces, frame = Engine(), Frame.from_rgb(pixels)

    boxes = faces.find(frame)
    embeddings = faces.encode(frame, boxes)

    [expected_box] = face_recognition.face_locations(pixels)
    assert len(boxes) == 1
    assert boxes[0].overlaps(Box(*expected_box))
    assert embeddings.shape == (1, 128)
    [expected] = face_recognition.face_encodings(pixels, [expected_box])
    assert np.linalg.norm(embeddings[0] - expected) < 0.15


def test_a_small_face_needs_a_thorough_look(portrait: Portrait) -> None:
    faces, frame = Engine(), Frame.from_rgb(portrait("ada", face=110))
    assert faces.find(frame) == []
    assert len(faces.find(frame, thorough=True)) == 1


def test_where_nobody_is_there_is_nothing_to_encode(portrait: Portrait) -> None:
    faces, frame = Engine(), Frame.from_rgb(portrait("nobody"))
    assert faces.find(frame, thorough=True) == []
    assert faces.encode(frame, []).shape == (0, 128)


def test_a_look_at_a_region_finds_whom_it_holds_where_they_are(portrait: Portrait) -> None:
    pixels = np.hstack([portrait("ada", 320), portrait("ben", 320)])
    faces, frame = Engine(), Frame.from_rgb(pixels)
    ada, ben = sorted(faces.find(frame, thorough=True), key=lambda box: box.left)
    [found] = faces.find(frame, thorough=True, region=Box(0, 640, 360, 320))
    assert found.overlaps(ben)
    assert not found.touches(ada)


@pytest.mark.parametrize("name", ["ada", "ben", "stranger"])
def test_the_mirror_image_of_a_face_is_another_look_at_it(portrait: Portrait, name: str) -> None:
    pixels = portrait(name)
    faces, frame, mirror = Engine(), Frame.from_rgb(pixels), Frame.from_rgb(pixels[:, ::-1].copy())
    [box] = faces.find(frame)
    [direct], [mirrored] = faces.encode(frame, [box]), faces.encode_mirrored(frame, [box])
    opposite = Box(box.top, 640 - box.left, box.bottom, 640 - box.right)
    assert 0.05 < np.linalg.norm(mirrored - direct) < 0.4
    assert np.linalg.norm(mirrored - faces.encode(mirror, [opposite])[0]) < 0.15
