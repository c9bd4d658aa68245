"""Decisions from kept looks are those of the function, bit for bit."""

from collections.abc import Sequence

import numpy as np
import pytest

from hybridsphere.recognition.conclusion import likeliest
from hybridsphere.recognition.decision import KeptLooks, answer_of, identities_of
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import MOST_LOOKS, Identity
from hybridsphere.recognition.space import DLIB, Embeddings, Space

SFACE = Space("yunet-sface", "d" * 64, 0.9)


def crowd(people: int, space: Space = SFACE, seed: int = 0) -> Gallery:
    """A gallery of people who lie some 0.7 apart, each with two photographs."""
    random = np.random.default_rng(seed)
    rows = random.normal(0, 0.045, (people, 128)).repeat(2, axis=0)
    rows += random.normal(0, 0.012, rows.shape)
    return Gallery([f"person {row // 2}" for row in range(2 * people)], rows, space)


def looks_at(gallery: Gallery, row: int, count: int, spread: float, seed: int) -> Embeddings:
    random = np.random.default_rng(seed)
    return gallery.embeddings[row] + random.normal(0, spread, (count, 128))


def seen(gallery: Gallery, tolerance: float, looks: Embeddings) -> Identity:
    """The identity that the function has after these looks."""
    identity = Identity(gallery, tolerance)
    for second, look in enumerate(looks):
        identity.add(look, float(second))
    return identity


def kept(identities: Sequence[Identity]) -> list[KeptLooks]:
    return [
        KeptLooks(np.array([look.embedding for look in one.kept]), [look.at_s for look in one.kept])
        for one in identities
    ]


@pytest.mark.parametrize("space", [SFACE, DLIB])
@pytest.mark.parametrize("tolerance", [0.4, 0.6, 0.8])
def test_the_same_looks_give_the_same_answer(space: Space, tolerance: float) -> None:
    gallery = crowd(40, space)
    function = [
        seen(gallery, tolerance, looks_at(gallery, row, 1 + row % 20, 0.02 + row % 5 / 100, row))
        for row in range(60)
    ]

    vm = identities_of(gallery, tolerance, kept(function))

    assert max(one.looks for one in vm) == MOST_LOOKS
    assert [answer_of(one) for one in vm] == [answer_of(one) for one in function]
    assert {answer_of(one).certainty for one in vm} >= {"sure", "unknown"}
    assert [one.weight() for one in vm] == [one.weight() for one in function]
    chosen, own = likeliest(vm), likeliest(function)
    assert chosen
    assert own
    assert (chosen.person, chosen.support) == (own.person, own.support)


def test_many_faces_have_the_matches_of_each() -> None:
    gallery = crowd(30)
    faces = np.concatenate([gallery.embeddings, crowd(300, seed=1).embeddings])

    found = gallery.matches_of_many(faces, 0.7)

    assert found == [gallery.matches(face, 0.7) for face in faces]


def test_an_empty_gallery_knows_nobody() -> None:
    looks = KeptLooks(np.ones((2, 128), np.float16), [0.0, 1.0])

    [identity] = identities_of(Gallery.empty(SFACE), 0.6, [looks])

    assert answer_of(identity) == (None, None, None, None, "unknown")
    assert identities_of(Gallery.empty(SFACE), 0.6, []) == []


def test_an_unknown_face_has_the_likeliest_person_as_runner_up() -> None:
    gallery = crowd(3)
    near = gallery.embeddings[:1] + 0.65 / np.sqrt(128)

    answer = answer_of(seen(gallery, 0.6, near))

    assert (answer.name, answer.certainty) == (None, "unknown")
    assert answer.runner_up == "person 0"
    assert answer.runner_up_distance == pytest.approx(0.65, abs=0.01)
