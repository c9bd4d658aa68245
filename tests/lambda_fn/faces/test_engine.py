from dataclasses import replace

import numpy as np
import pytest

from hybridsphere.recognition.gallery import Gallery, GalleryError
from hybridsphere.recognition.space import DLIB, ENGINES, Space
from lambda_fn.faces.engine import engine, engine_of
from lambda_fn.video.video import Frame
from tests.lambda_fn.function_stage import Portrait

ROW = np.full((1, 128), 0.05)


@pytest.mark.parametrize("name", ENGINES)
def test_the_mirror_image_of_a_face_is_another_look_at_it(portrait: Portrait, name: str) -> None:
    pixels = portrait("ada")
    one, frame, mirror = (
        engine(name),
        Frame.from_rgb(pixels),
        Frame.from_rgb(pixels[:, ::-1].copy()),
    )
    [face] = one.glance(frame)
    [direct], [mirrored] = one.encode(frame, [face]), one.encode_mirrored(frame, [face])
    assert 0.02 < np.linalg.norm(mirrored - direct) < 0.4
    [again] = one.encode(mirror, one.glance(mirror))
    assert np.linalg.norm(mirrored - again) < np.linalg.norm(direct - again)


@pytest.mark.parametrize("name", ENGINES)
def test_no_face_has_no_embedding(portrait: Portrait, name: str) -> None:
    frame = Frame.from_rgb(portrait("nobody"))
    assert engine(name).search(frame) == []
    assert engine(name).encode(frame, []).shape == (0, 128)


@pytest.mark.parametrize("name", ENGINES)
def test_a_gallery_chooses_its_engine(name: str) -> None:
    gallery = Gallery(["ada"], ROW, engine(name).space)
    assert engine_of(gallery) is engine(name)
    assert engine_of(gallery, name) is engine(name)


def test_an_empty_gallery_takes_the_wanted_engine_or_the_default() -> None:
    assert engine_of(Gallery.empty()).space.engine == "yunet-sface"
    assert engine_of(Gallery.empty(), "dlib").space == DLIB


def test_a_gallery_of_another_engine_is_refused_with_both_names_and_the_remedy() -> None:
    gallery = Gallery(["ada"], ROW, DLIB)
    with pytest.raises(GalleryError, match=r"dlib .*yunet-sface .*enroll everybody again"):
        engine_of(gallery, "yunet-sface")


def test_a_gallery_of_another_version_of_the_encoder_is_refused() -> None:
    made_by = replace(engine("yunet-sface").space, digest="0" * 64)
    with pytest.raises(GalleryError, match=r"yunet-sface \(000000000000\).*uses yunet-sface"):
        engine_of(Gallery(["ada"], ROW, made_by))
    with pytest.raises(GalleryError, match=r"engine later \(abc\).*yunet-sface and dlib"):
        engine_of(Gallery(["ada"], ROW, Space("later", "abc", 1.0)))
