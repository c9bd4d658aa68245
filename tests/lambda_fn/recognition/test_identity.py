import numpy as np
import pytest

from hybridsphere.recognition.candidates import Candidates
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity, Sighting
from hybridsphere.recognition.space import Embeddings

ORIGIN = np.zeros(128)


def known(**distances: float) -> Gallery:
    """People whose embeddings lie so far from the origin, each in a direction of their own."""
    rows = np.array(list(distances.values()))[:, None] * np.eye(128)[: len(distances)]
    return Gallery(list(distances), rows)


def away(distance: float) -> Embeddings:
    """An embedding so far from the origin, in a direction where nobody is."""
    return distance * np.eye(128)[127]


def seen(gallery: Gallery, *looks: Embeddings) -> Identity:
    face = Identity(gallery, tolerance=0.6)
    for at_s, look in enumerate(looks):
        face.add(look, float(at_s))
    return face


@pytest.mark.parametrize(
    ("gallery", "sure"),
    [
        (known(ada=0.49), True),
        (known(ada=0.51), False),
        (known(ada=0.45, ben=0.67), True),
        (known(ada=0.45, ben=0.63), False),
        (known(ada=0.1, twin=0.12), False),
    ],
)
def test_one_look_is_enough_where_it_is_clear_and_nobody_else_is_near(
    gallery: Gallery, *, sure: bool
) -> None:
    assert seen(gallery, ORIGIN).sure() is sure


def test_several_looks_make_up_for_what_one_lacks() -> None:
    gallery = known(ada=0.54)
    assert not seen(gallery, ORIGIN).sure()
    assert not seen(gallery, *[ORIGIN] * 2).sure()
    assert seen(gallery, *[ORIGIN] * 4).sure()


def test_a_single_look_alike_frame_does_not_decide() -> None:
    stranger = [away(distance) for distance in (0.68, 0.70, 0.66)]
    face = seen(known(ada=0.0), away(0.53), *stranger)
    assert not face.sure()
    assert face.person() is None


def test_a_turned_head_does_not_outweigh_a_clear_look() -> None:
    face = seen(known(ada=0.0), away(0.5), away(0.8), away(0.8))
    assert face.person() == Sighting("ada", pytest.approx(0.5), 0.0)


def test_somebody_is_shown_where_the_likeness_is_best() -> None:
    face = seen(known(ada=0.0), away(0.5), away(0.4), away(0.45))
    assert face.person() == Sighting("ada", pytest.approx(0.4), 1.0)


def test_just_within_the_tolerance_the_next_person_must_be_further_off() -> None:
    assert seen(known(ada=0.58, ben=0.66), ORIGIN).person() is not None
    assert seen(known(ada=0.58, ben=0.59), ORIGIN).person() is None


def test_well_within_the_tolerance_the_nearest_counts_however_near_the_next() -> None:
    person = seen(known(twin=0.31, ada=0.3), ORIGIN).person()
    assert person is not None
    assert person.name == "ada"


def test_a_likeness_just_at_the_tolerance_is_still_an_answer() -> None:
    assert seen(known(ada=0.6), ORIGIN, ORIGIN).person() == Sighting("ada", pytest.approx(0.6), 0.0)


def test_a_face_is_followed_up_while_that_may_make_it_sure() -> None:
    gallery = known(ada=0.55, ben=0.6)
    assert seen(gallery, ORIGIN).needs_looks()
    assert not seen(gallery, *[ORIGIN] * 8).needs_looks()
    assert not seen(known(ada=0.3), ORIGIN).needs_looks()
    assert not seen(known(ada=0.65), ORIGIN).needs_looks()


def test_a_stranger_does_not_speak_against_the_student_who_comes_later() -> None:
    candidates = Candidates(known(ada=0.0), 0.6)
    for at_s in range(20):
        candidates.add(np.array([away(0.9)]), float(at_s))
    assert candidates.person() is None
    candidates.add(np.array([away(0.4)]), 20.0)
    assert candidates.sure()
    assert candidates.person() == Sighting("ada", pytest.approx(0.4), 20.0)


def test_a_sure_face_outweighs_many_vague_looks_at_another() -> None:
    candidates = Candidates(known(vague=0.57, near=0.59, clear=0.9), 0.6)
    for at_s in range(60):
        candidates.add(np.array([ORIGIN]), float(at_s))
    assert not candidates.sure()
    candidates.add(np.array([0.55 * np.eye(128)[2]]), 60.0)
    person = candidates.person()
    assert person is not None
    assert person.name == "clear"


def test_of_many_strangers_only_a_few_are_kept() -> None:
    strangers = np.random.default_rng(1).normal(size=(1000, 128))
    candidates = Candidates(known(ada=0.0), 0.6)
    candidates.add(np.array([away(0.55)]), -1.0)
    for at_s, stranger in enumerate(strangers):
        candidates.add(stranger[None], float(at_s))
    assert len(candidates._faces) < 100
    assert candidates.person() == Sighting("ada", pytest.approx(0.55), -1.0)
