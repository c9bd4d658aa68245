import numpy as np
import pytest

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.lookalikes import concerns, nearest_pairs


def line(**places: float) -> Gallery:
    """People in a row, each so far from the origin; `_2` and so on are further faces of one."""
    names = [name.partition("_")[0] for name in places]
    return Gallery(names, np.array(list(places.values()))[:, None] * np.eye(128)[:1])


def test_the_nearest_pairs_are_those_of_different_people() -> None:
    gallery = line(ada=0.0, ada_2=0.1, ben=1.0, cleo=1.5, ben_2=2.5)
    pairs = [(pair.one, pair.other, round(pair.distance, 2)) for pair in nearest_pairs(gallery, 2)]
    assert pairs == [("ben", "cleo", 0.5), ("ada", "ben", 0.9)]
    assert len(nearest_pairs(gallery, 9)) == 3


def test_a_gallery_of_one_person_or_none_has_no_pairs() -> None:
    assert nearest_pairs(Gallery.empty(), 5) == []
    assert nearest_pairs(line(ada=0.0, ada_2=0.5), 5) == []


def test_pairs_agree_with_every_distance_taken_alone() -> None:
    generator = np.random.default_rng(1)
    names = [f"person {number}" for number in generator.integers(0, 12, 40)]
    rows = generator.normal(size=(40, 128))
    expected: dict[tuple[str, str], float] = {}
    for one, mine in zip(names, rows, strict=True):
        for other, theirs in zip(names, rows, strict=True):
            if one < other:
                distance = float(np.linalg.norm(mine - theirs))
                expected[one, other] = min(distance, expected.get((one, other), 99.0))
    found = {(p.one, p.other): p.distance for p in nearest_pairs(Gallery(names, rows), 99)}
    assert found == pytest.approx(expected)


def test_the_summary_counts_the_pairs_and_lists_the_nearest() -> None:
    assert concerns(line(ada=0.0, adah=0.1, ben=0.65, cleo=1.5), 0.6) == [
        "2 pairs of people lie within the tolerance of each other and may be mistaken:",
        "  0.10  ada and adah: the same face, it seems; remove one of them",
        "  0.55  adah and ben",
    ]
    assert concerns(line(ada=0.0, ben=0.9), 0.6) == []


def test_the_summary_of_a_large_class_stays_short() -> None:
    crowd = line(**{f"person{number:03}": number / 1000 for number in range(110)})
    first, *pairs = concerns(crowd, 0.6)
    assert first.startswith("5995 pairs of people lie")
    assert first.endswith("; the 10 nearest:")
    assert len(pairs) == 10
