"""The encoder against face_recognition, which it replaces, face for face."""

import sys
from collections.abc import Callable

import face_recognition
import numpy as np
import pytest
from lambda_fn.models.onnx import UnknownWeights, onnx_model
from PIL import Image
from skimage import data

from hybridsphere.recognition.space import Embeddings
from lambda_fn.faces.box import Box
from lambda_fn.faces.encoder import Encoder, encoder
from lambda_fn.models import weights
from lambda_fn.runtime.deadline import OutOfTime
from lambda_fn.video.video import Rgb
from tests.lambda_fn.function_stage import LogLines

Picture = Callable[[], Rgb]


def astronaut() -> Rgb:
    return np.ascontiguousarray(data.astronaut())


def strangers() -> Rgb:
    """A hundred people in ten rows of ten, 100 pixels each, grey."""
    grey = (data.lfw_subset()[:100] * 255).astype(np.uint8)
    faces = [np.array(Image.fromarray(face).resize((100, 100))) for face in grey]
    rows = [np.hstack(faces[start : start + 10]) for start in range(0, 100, 10)]
    return np.stack([np.vstack(rows)] * 3, axis=2)


def reference(pixels: Rgb, boxes: list[Box]) -> Embeddings:
    return np.array(face_recognition.face_encodings(pixels, boxes))


@pytest.mark.parametrize(
    ("place", "box"),
    [
        ("as it was found", Box(84, 268, 174, 178)),
        ("large", Box(0, 511, 511, 0)),
        ("tiny", Box(120, 232, 132, 220)),
        ("cut off at the corner", Box(0, 60, 60, 0)),
        ("cut off at the other corner", Box(470, 511, 511, 470)),
        ("partly outside", Box(-40, 60, 60, -40)),
        ("nobody", Box(400, 100, 500, 0)),
    ],
)
def test_a_face_has_the_embedding_that_face_recognition_gives_it(place: str, box: Box) -> None:
    found = encoder().encode(astronaut(), [box])
    np.testing.assert_allclose(found, reference(astronaut(), [box]), rtol=0, atol=1e-5)


def test_so_has_each_of_many_grey_faces_whatever_the_batch() -> None:
    boxes = [
        Box(y + 10, x + 90, y + 90, x + 10) for y in range(0, 300, 100) for x in range(0, 1000, 100)
    ]
    pixels = strangers()
    found = encoder().encode(pixels, boxes)
    assert found.shape == (30, 128)
    np.testing.assert_allclose(found, reference(pixels, boxes), rtol=0, atol=1e-5)
    alone = np.vstack([encoder().encode(pixels, [box]) for box in boxes])
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-6)


def test_the_same_face_has_the_same_embedding_to_the_last_bit() -> None:
    boxes = [Box(84, 268, 174, 178)] * 3
    assert len(np.unique(encoder().encode(astronaut(), boxes), axis=0)) == 1
    first, again = (Encoder().encode(astronaut(), boxes) for _ in range(2))
    assert (first == again).all()


def test_nobody_has_no_embedding() -> None:
    assert encoder().encode(astronaut(), []).shape == (0, 128)


def test_of_many_faces_those_that_the_time_is_too_short_for_are_not_encoded() -> None:
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks > 1:
            raise OutOfTime

    with pytest.raises(OutOfTime):
        encoder().encode(astronaut(), [Box(84, 268, 174, 178)] * 9, tick=tick)
    assert ticks == 2


def test_it_runs_in_onnx_runtime() -> None:
    assert encoder().runtime == "onnxruntime"


def test_without_onnx_runtime_dlib_runs_it_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    fallback = Encoder()
    assert fallback.runtime == "dlib"
    [line] = log_lines()
    assert line["event"] == "encoder.slow"
    assert "onnxruntime" in line["error"]
    boxes = [Box(84, 268, 174, 178), Box(0, 60, 60, 0)]
    found = fallback.encode(astronaut(), boxes)
    np.testing.assert_allclose(found, reference(astronaut(), boxes), rtol=0, atol=1e-12)


def test_weights_of_another_network_are_refused() -> None:
    whole = weights.encoder().read_bytes()
    with pytest.raises(UnknownWeights, match=r"install face_recognition_models 0\.3\.0"):
        onnx_model(whole[:-1], lambda _: "weights")
