from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridsphere.recognition.candidates import Candidates
from hybridsphere.recognition.conclusion import conclusions, likeliest
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import MOST_LOOKS, Identity, Sighting
from hybridsphere.recognition.space import DLIB, ENGINES, Embeddings, Space

ORIGIN = np.zeros(128)


def known(**distances: float) -> Gallery:
    """Make people whose embeddings lie so far from the origin, each in their own direction."""
    rows = np.array(list(distances.values()))[:, None] * np.eye(128)[: len(distances)]
    return Gallery(list(distances), rows)


def away(distance: float) -> Embeddings:
    """Return an embedding so far from the origin, in a direction without people."""
    return distance * np.eye(128)[127]


def moving(count: int, face: Embeddings = ORIGIN) -> list[Embeddings]:
    """Return looks at a face that moves: 0.057 apart from each other."""
    return [face + 0.04 * np.eye(128)[50 + number] for number in range(count)]


def seen(gallery: Gallery, *looks: Embeddings, tolerance: float = 0.6) -> Identity:
    identity = Identity(gallery, tolerance)
    for at_s, look in enumerate(looks):
        identity.add(look, float(at_s))
    return identity


def sighting(candidates: Candidates) -> Sighting | None:
    person = candidates.person()
    return person.person if person else None


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
def test_one_look_is_enough_if_it_is_clear_and_nobody_else_is_near(
    gallery: Gallery, *, sure: bool
) -> None:
    assert seen(gallery, ORIGIN).sure() is sure


def test_several_looks_make_up_for_a_lack_of_clearness() -> None:
    gallery = known(ada=0.53)
    looks = moving(4)
    assert not seen(gallery, *looks[:1]).sure()
    assert not seen(gallery, *looks[:2]).sure()
    assert seen(gallery, *looks).sure()


def test_many_looks_at_a_still_face_are_one_look() -> None:
    noise = np.random.default_rng(1).normal(scale=0.001, size=(30, 128))
    identity = seen(known(ada=0.53), *noise)
    assert identity.looks == 1
    assert not identity.sure()
    assert identity.last_s == 29.0


def test_a_single_look_alike_frame_does_not_decide() -> None:
    stranger = [away(distance) for distance in (0.68, 0.75, 0.82)]
    identity = seen(known(ada=0.0), away(0.53), *stranger)
    assert not identity.sure()
    assert identity.person() is None


def test_a_turned_head_does_not_outweigh_a_clear_look() -> None:
    identity = seen(known(ada=0.0), away(0.5), away(0.8), away(0.9))
    assert identity.person() == Sighting("ada", pytest.approx(0.5), 0.0)


def test_a_person_is_shown_in_the_most_similar_frame() -> None:
    identity = seen(known(ada=0.0), away(0.5), away(0.4), away(0.45))
    assert identity.person() == Sighting("ada", pytest.approx(0.4, abs=1e-3), 1.0)


def test_just_within_the_tolerance_the_next_person_must_be_further_away() -> None:
    assert seen(known(ada=0.58, ben=0.66), ORIGIN).person() is not None
    assert seen(known(ada=0.58, ben=0.59), ORIGIN).person() is None


def test_well_within_the_tolerance_the_nearest_of_two_names_for_one_face_counts() -> None:
    person = seen(known(twin=0.21, ada=0.2), ORIGIN).person()
    assert person is not None
    assert person.name == "ada"


def test_with_dlib_people_who_look_alike_need_a_nearer_face() -> None:
    """Ada and ben lie 0.5 apart, so 0.45 is the limit of both."""
    twins = np.array([np.zeros(128), 0.5 * np.eye(128)[0]])
    assert seen(Gallery(["ada", "ben"], twins, DLIB), away(0.47)).person() is None
    assert seen(Gallery(["ada", "ben"], twins, DLIB), away(0.3)).person() is not None
    sface = Space("yunet-sface", "0", 1.0)
    assert seen(Gallery(["ada", "ben"], twins, sface), away(0.47)).person() is not None


def test_a_likeness_exactly_at_the_tolerance_is_still_an_answer() -> None:
    assert seen(known(ada=0.6), ORIGIN).person() == Sighting("ada", pytest.approx(0.6), 0.0)


def test_a_face_needs_looks_while_they_may_make_it_sure() -> None:
    gallery = known(ada=0.55, ben=0.6)
    assert seen(gallery, ORIGIN).needs_looks()
    assert not seen(gallery, *moving(8)).needs_looks()
    assert not seen(known(ada=0.3), ORIGIN).needs_looks()
    assert not seen(known(ada=0.65), ORIGIN).needs_looks()


def test_the_runner_up_is_the_next_person_within_reach() -> None:
    assert seen(known(ada=0.3), ORIGIN).runner_up() is None
    runner_up = seen(known(ada=0.3, ben=0.6), ORIGIN).runner_up()
    assert runner_up is not None
    assert (runner_up.name, runner_up.distance) == ("ben", pytest.approx(0.6))


distances = st.floats(min_value=0.2, max_value=0.95)


@settings(max_examples=300, deadline=None)
@given(
    engine=st.sampled_from(ENGINES),
    people=st.lists(distances, min_size=1, max_size=4),
    looks=st.lists(st.tuples(distances, st.integers(0, 5)), min_size=1, max_size=6),
    tolerances=st.lists(st.floats(min_value=0.3, max_value=0.9), min_size=2, max_size=5),
)
def test_a_smaller_tolerance_never_adds_a_name(
    engine: str, people: list[float], looks: list[tuple[float, int]], tolerances: list[float]
) -> None:
    rows = np.array(people)[:, None] * np.eye(128)[: len(people)]
    gallery = Gallery([f"p{n}" for n in range(len(people))], rows, Space(engine, "0", 1.0))
    faces = [distance * np.eye(128)[towards] for distance, towards in looks]
    named = [seen(gallery, *faces, tolerance=one).person() for one in sorted(tolerances)]
    for smaller, larger in pairwise(named):
        assert smaller is None or smaller == larger


def test_a_stranger_does_not_speak_against_a_student_who_comes_later() -> None:
    candidates = Candidates(known(ada=0.0), 0.6)
    for at_s in range(20):
        candidates.add(np.array([away(0.9)]), float(at_s))
    assert candidates.person() is None
    candidates.add(np.array([away(0.4)]), 20.0)
    assert candidates.sure()
    assert sighting(candidates) == Sighting("ada", pytest.approx(0.4, abs=1e-4), 20.0)


def test_a_sure_face_outweighs_many_vague_looks_at_another() -> None:
    candidates = Candidates(known(vague=0.57, near=0.59, clear=0.9), 0.6)
    for at_s in range(60):
        candidates.add(np.array([ORIGIN]), float(at_s))
    assert not candidates.sure()
    candidates.add(np.array([0.55 * np.eye(128)[2]]), 60.0)
    person = candidates.person()
    assert person is not None
    assert person.name == "clear"


def test_only_some_of_many_strangers_are_kept() -> None:
    strangers = np.random.default_rng(1).normal(size=(1000, 128))
    candidates = Candidates(known(ada=0.0), 0.6)
    candidates.add(np.array([away(0.55)]), -1.0)
    for at_s, stranger in enumerate(strangers):
        candidates.add(stranger[None], float(at_s))
    assert len(candidates._faces) < 100
    assert sighting(candidates) == Sighting("ada", pytest.approx(0.55, abs=1e-3), -1.0)


def answers(identity: Identity) -> tuple[object, ...]:
    """Everything that an identity says."""
    return (
        identity.looks,
        identity.person(),
        identity.runner_up(),
        identity.nearest(),
        identity.certainty(),
        identity.weight(),
        identity.lead(),
        identity.average().tobytes(),
    )


@given(
    st.lists(st.tuples(st.floats(0, 0.8), st.integers(0, 4)), min_size=1, max_size=40),
    st.lists(st.floats(0, 0.7), min_size=1, max_size=5),
    st.lists(st.sampled_from([0.0, 0.25, 1.0, 1.0, 7.5]), min_size=40, max_size=40),
    st.sampled_from(ENGINES),
    st.floats(0.3, 0.7),
)
@settings(max_examples=200)
def test_the_kept_looks_alone_give_the_same_answers_bit_for_bit(
    looks: list[tuple[float, int]],
    people: list[float],
    steps: list[float],
    engine: str,
    tolerance: float,
) -> None:
    rows = np.array(people)[:, None] * np.eye(128)[: len(people)]
    gallery = Gallery([f"p{n}" for n in range(len(people))], rows, Space(engine, "0", 1.0))
    noise = np.random.default_rng(len(looks)).normal(scale=0.02, size=(len(looks), 128))
    seen_live, again = Identity(gallery, tolerance), Identity(gallery, tolerance)
    at_s = 0.0
    for (distance, towards), rest, step in zip(looks, noise, steps[: len(looks)], strict=True):
        seen_live.add(distance * np.eye(128)[towards] + rest, at_s)
        at_s += step
    assert 1 <= seen_live.looks <= MOST_LOOKS
    for look in seen_live.kept:
        stored = np.frombuffer(look.embedding.tobytes(), "<f2")
        again.add(stored.astype(np.float64), look.at_s)
    assert answers(again) == answers(seen_live)


def test_the_kept_looks_are_spread_over_the_time() -> None:
    identity = seen(known(ada=0.3), *moving(70))
    times = [look.at_s for look in identity.kept]
    assert (len(times), times[0], times[-1]) == (MOST_LOOKS, 0.0, 69.0)
    assert max(after - before for before, after in pairwise(times)) <= 10


@given(st.permutations(range(6)))
def test_the_order_of_the_faces_does_not_matter(order: list[int]) -> None:
    gallery = known(vague=0.57, near=0.59, clear=0.9)
    looks = [ORIGIN, *moving(4)[1:], away(0.1), 0.55 * np.eye(128)[2]]
    faces = [seen(gallery, look) for look in looks]
    first, again = likeliest(faces), likeliest(faces[number] for number in order)
    assert first is not None
    assert again is not None
    assert (again.person, again.runner_up, again.certainty, again.support) == (
        first.person,
        first.runner_up,
        first.certainty,
        first.support,
    )


def test_the_face_that_speaks_most_for_a_person_says_how_surely() -> None:
    gallery = known(ada=0.3, ben=0.66)
    vague, clear = seen(gallery, away(0.5)), seen(gallery, ORIGIN)
    [ada] = conclusions([vague, clear, seen(gallery, away(0.9))])
    assert (ada.name, ada.distance, ada.certainty) == ("ada", pytest.approx(0.3), "sure")
    assert ada.identity is clear
    assert ada.support == pytest.approx(vague.weight() + clear.weight())
    assert ada.runner_up == Sighting("ben", pytest.approx(0.66), 0.0)
