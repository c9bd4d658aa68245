import numpy as np
import pytest

from hybridsphere.recognition.check import check
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import Embeddings, Space

SPACE = Space("yunet-sface", "0", 0.555)


def class_of(people: int, photos: int = 3, *, twins: bool = False) -> tuple[list[str], Embeddings]:
    """Return people 0.78 apart, or 0.4 apart from their twins, with photos around each."""
    generator = np.random.default_rng(3)
    names, rows = [], []
    for person in range(people):
        middle = 0.55 * np.eye(128)[person // 2 if twins else person]
        if twins:
            middle = middle + 0.28 * np.eye(128)[60 + person]
        for _ in range(photos):
            away = generator.normal(size=128)
            names.append(f"person {person}")
            rows.append(middle + 0.2 * away / np.linalg.norm(away))
    return names, np.array(rows)


def test_a_class_whose_people_lie_apart_needs_no_other_tolerance() -> None:
    checked = check(Gallery(*class_of(12), SPACE))
    assert (checked.known.right, checked.known.asked) == (36, 36)
    assert (checked.strangers.wrong, checked.strangers.asked) == (0, 36)
    assert checked.at_risk == {}
    assert checked.advised is not None
    assert checked.advised >= 0.6
    assert checked.same.max() < checked.different.min()


def test_a_class_of_look_alikes_is_advised_a_smaller_tolerance() -> None:
    checked = check(Gallery(*class_of(12, twins=True), SPACE))
    assert checked.strangers.wrong > 10
    assert len(checked.at_risk) > 5
    assert checked.advised is not None
    assert checked.advised < 0.56


def test_a_person_whose_photographs_differ_is_at_risk() -> None:
    names, rows = class_of(12)
    rows[0] = 1.2 * np.eye(128)[100]
    checked = check(Gallery(names, rows, SPACE))
    assert checked.known.unknown == 1
    assert checked.at_risk == {"person 0": "not recognised in one photograph"}


@pytest.mark.parametrize(("people", "photos"), [(9, 3), (12, 1), (10, 1)])
def test_with_too_few_photographs_there_is_no_advice(people: int, photos: int) -> None:
    checked = check(Gallery(*class_of(people, photos), SPACE))
    assert checked.advised is None
    assert len(checked.single) == (people if photos == 1 else 0)


def test_given_strangers_are_asked_for_instead_of_the_people_themselves() -> None:
    names, rows = class_of(12)
    near = rows[0] + 0.1 * np.eye(128)[120]
    strangers = Gallery(["visitor"], near[None], SPACE)
    checked = check(Gallery(names, rows, SPACE), strangers)
    assert (checked.strangers.wrong, checked.strangers.asked) == (1, 1)
    assert checked.at_risk == {"person 0": "the name is given to a stranger (visitor)"}
