"""Groups of unknown faces."""

import time
from itertools import groupby

import numpy as np
import pytest

from hybridsphere.memory.groups import CORE, Groups, Vector, vector_of

ENGINE = "yunet-sface"
LENGTH = 0.55
"""About the length of an embedding in the gallery's units."""


def people(count: int, faces: int, noise: float = 0.04) -> list[tuple[int, Vector]]:
    """Faces of people who do not resemble each other, in a mixed order."""
    draw = np.random.default_rng(5)
    centres = draw.normal(size=(count, 128))
    centres /= np.linalg.norm(centres, axis=1)[:, None]
    rows = np.repeat(centres, faces, axis=0) + draw.normal(size=(count * faces, 128)) * noise
    rows *= LENGTH / np.linalg.norm(rows, axis=1)[:, None]
    order = draw.permutation(len(rows))
    return [(int(at) // faces, rows[at].astype(np.float32)) for at in order]


def grouped(groups: Groups, faces: list[tuple[int, Vector]]) -> dict[int, list[int]]:
    """The people in each group after all faces."""
    found: dict[int, list[int]] = {}
    for person, face in faces:
        joined = groups.add(face)
        others = [one for other in joined.merged for one in found.pop(other)]
        found.setdefault(joined.group, []).extend([*others, person])
    return found


def axis(number: int) -> Vector:
    face = np.zeros(128, np.float32)
    face[number] = LENGTH
    return face


def away(distance: float) -> Vector:
    """A face at a distance from the first axis, towards the second."""
    angle = 2 * np.arcsin(distance / 2 / LENGTH)
    return np.asarray(np.cos(angle) * axis(0) + np.sin(angle) * axis(1), np.float32)


def test_each_person_becomes_one_group() -> None:
    found = grouped(Groups(ENGINE), people(30, 8))
    assert len(found) == 30
    assert all(len(list(groupby(members))) == 1 for members in found.values())


def test_the_same_faces_give_the_same_groups() -> None:
    faces = people(20, 5, noise=0.06)
    assert grouped(Groups(ENGINE), faces) == grouped(Groups(ENGINE), faces)


def test_groups_taken_up_from_their_sums_go_on_alike() -> None:
    faces = people(10, 6)
    whole, first, second = Groups(ENGINE), Groups(ENGINE), Groups(ENGINE)
    for _, face in faces[:30]:
        whole.add(face)
        first.add(face)
    for group in range(1, first.last + 1):
        if group in first:
            second.put(group, first.core(group))
    assert [whole.add(face) for _, face in faces[30:]] == [
        second.add(face) for _, face in faces[30:]
    ]


def test_a_merge_keeps_the_older_number_and_names_the_other() -> None:
    groups = Groups(ENGINE)
    assert groups.add(axis(0)).group == 1
    assert groups.add(away(0.6)).group == 2
    joined = groups.add(away(0.3))
    assert joined == (1, (2,))
    assert groups.core(1).size == 3
    assert 2 not in groups


def test_a_core_reaches_further_than_one_face() -> None:
    near = away(0.57)
    alone, core = Groups(ENGINE), Groups(ENGINE)
    alone.add(axis(0))
    for _ in range(CORE):
        core.add(axis(0))
    assert alone.add(near).group == 2
    assert core.add(near).group == 1


def test_a_number_is_never_used_again() -> None:
    groups = Groups(ENGINE)
    groups.add(axis(0))
    groups.remove(1, axis(0))
    assert len(groups) == 0
    assert groups.add(axis(0)).group == 2
    assert Groups(ENGINE, last=12).add(axis(0)).group == 13


def test_a_face_taken_out_leaves_the_group_as_it_was() -> None:
    groups, never = Groups(ENGINE), Groups(ENGINE)
    for face in (axis(0), away(0.2)):
        groups.add(face)
        never.add(face)
    groups.add(away(0.3))
    groups.remove(1, away(0.3))
    np.testing.assert_allclose(groups.core(1).total, never.core(1).total, atol=1e-12)
    assert groups.core(1).size == 2


def test_groups_that_somebody_joins_become_one() -> None:
    groups = Groups(ENGINE)
    for at in range(3):
        groups.add(axis(at))
    assert groups.join([3, 1]) == (1, (3,))
    assert groups.join([1]) == (1, ())


def test_the_average_of_looks_is_as_long_as_a_look() -> None:
    looks = np.array([axis(0), axis(1)], np.float16)
    assert np.linalg.norm(vector_of(looks.tobytes())) == pytest.approx(LENGTH, rel=1e-3)


def test_ten_thousand_strangers_take_under_five_seconds() -> None:
    faces = people(10_000, 1)
    groups = Groups(ENGINE)
    begun = time.process_time()
    for _, face in faces:
        groups.add(face)
    assert time.process_time() - begun < 5
    begun = time.process_time()
    for _, face in faces[:20]:
        groups.add(face)
    assert (time.process_time() - begun) / 20 < 0.005
