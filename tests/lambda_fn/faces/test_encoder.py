"""The encoder `dlib` against dlib's own network, which face_recognition runs."""

from collections.abc import Callable

import dlib
import face_recognition
import numpy as np
import pytest
from PIL import Image
from skimage import data

from lambda_fn.faces.detector import Face, detector
from lambda_fn.faces.dlib_encoder import DlibEncoder
from lambda_fn.faces.sface import SFace
from lambda_fn.models import originals
from lambda_fn.runtime.deadline import OutOfTime
from lambda_fn.video.video import Rgb


def astronaut() -> Rgb:
    return np.ascontiguousarray(data.astronaut())


def astronauts_face() -> Face:
    [face] = detector().find(astronaut())
    return face


@pytest.fixture(scope="module")
def dlib_encoder() -> DlibEncoder:
    return DlibEncoder()


def test_the_network_gives_the_embeddings_of_dlib(dlib_encoder: DlibEncoder) -> None:
    grey = (data.lfw_subset()[:30] * 255).astype(np.uint8)
    chips = [np.array(Image.fromarray(one).convert("RGB").resize((150, 150))) for one in grey]
    own = dlib.face_recognition_model_v1(str(originals.find(originals.DLIB_ENCODER)))
    expected = np.array([own.compute_face_descriptor(chip) for chip in chips])
    np.testing.assert_allclose(dlib_encoder.run(chips), expected, rtol=0, atol=1e-5)


def test_a_face_has_about_the_embedding_that_face_recognition_gives_it(
    dlib_encoder: DlibEncoder,
) -> None:
    [expected] = face_recognition.face_encodings(astronaut())[:1]
    [found] = dlib_encoder.encode(astronaut(), [astronauts_face()])
    assert np.linalg.norm(found - expected) < 0.15


def test_a_mirrored_face_takes_no_second_search_for_landmarks(
    dlib_encoder: DlibEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, face = astronaut(), astronauts_face()
    direct = dlib_encoder.encode(picture, [face])
    elsewhere = face._replace(points=face.points + 25)
    assert (dlib_encoder.encode(picture, [elsewhere]) != direct).any()
    monkeypatch.setattr(dlib_encoder, "_landmarks", lambda *_: pytest.fail("searched again"))
    mirrored = dlib_encoder.encode(picture, [face], mirrored=True)
    monkeypatch.undo()
    fresh = DlibEncoder().encode(picture, [face], mirrored=True)
    assert (mirrored == fresh).all()


@pytest.mark.parametrize("make", [SFace, DlibEncoder])
def test_the_batch_does_not_matter_and_the_bits_are_the_same(
    make: Callable[[], SFace | DlibEncoder],
) -> None:
    encoder, face = make(), astronauts_face()
    faces = [face, face.moved(0, 5), face.scaled(0.9)] * 3
    together = encoder.encode(astronaut(), faces)
    alone = np.vstack([encoder.encode(astronaut(), [one]) for one in faces])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)
    assert (make().encode(astronaut(), faces) == together).all()
    assert encoder.encode(astronaut(), []).shape == (0, 128)


def test_embeddings_of_sface_have_the_length_of_their_scale() -> None:
    encoder = SFace()
    [row] = encoder.encode(astronaut(), [astronauts_face()])
    assert np.linalg.norm(row) == pytest.approx(encoder.space.scale)


@pytest.mark.parametrize("make", [SFace, DlibEncoder])
def test_a_face_at_the_very_edge_has_an_embedding(
    make: Callable[[], SFace | DlibEncoder],
) -> None:
    outside = astronauts_face().moved(-150, -250)
    assert np.isfinite(make().encode(astronaut(), [outside])).all()


def test_faces_beyond_the_deadline_are_not_encoded(dlib_encoder: DlibEncoder) -> None:
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks > 1:
            raise OutOfTime

    with pytest.raises(OutOfTime):
        dlib_encoder.encode(astronaut(), [astronauts_face()] * 9, tick=tick)
    assert ticks == 2
