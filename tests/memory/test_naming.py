"""Groups in the memory: named, merged, left, and found again."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hybridsphere.memory.memory import Memory
from tests.memory.judge_stage import Stage
from tests.memory.memory_stage import face, keep, video


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage.open(tmp_path) as stage:
        yield stage


def name(memory: Memory, group: int, text: str) -> int:
    with memory.transaction():
        return len(memory.judgements.name_group(group, text, by="a test"))


def unname(memory: Memory, group: int) -> int:
    with memory.transaction():
        return memory.judgements.unname_group(group, by="a test")


def people(memory: Memory, group: int) -> list[str | None]:
    return [one.person for one in memory.find(group=group)]


def test_faces_of_one_person_share_a_group_across_videos(stage: Stage) -> None:
    stage.see([None, None], key="a.mp4")
    stage.see([None, None], key="b.mp4")
    assert [one.group for one in stage.faces(2)] == [1, 2]


def test_embeddings_of_two_engines_are_never_in_one_group(memory: Memory) -> None:
    keep(memory, video("a.mp4"), [face()])
    keep(memory, video("b.mp4", engine="dlib", digest="e" * 64), [face()])
    assert [one.group for one in memory.find()] == [2, 1]


def test_a_new_face_joins_a_named_group_without_the_name(stage: Stage) -> None:
    stage.see([None], key="a.mp4")
    name(stage.memory, 1, "cleo")
    stage.see([None], key="b.mp4")
    assert people(stage.memory, 1) == [None, "cleo"]
    assert name(stage.memory, 1, "cleo") == 1
    assert people(stage.memory, 1) == ["cleo", "cleo"]


def test_namings_are_taken_back_one_by_one(stage: Stage) -> None:
    stage.see([None], key="a.mp4")
    name(stage.memory, 1, "cleo")
    stage.see([None], key="b.mp4")
    name(stage.memory, 1, "cleo")
    assert unname(stage.memory, 1) == 1
    assert stage.memory.grouping.name_of(1) == "cleo"
    assert people(stage.memory, 1) == [None, "cleo"]
    assert unname(stage.memory, 1) == 1
    assert (stage.memory.grouping.name_of(1), unname(stage.memory, 1)) == (None, 0)


def test_a_merged_group_is_found_under_both_numbers_and_unnamed(stage: Stage) -> None:
    stage.see([None, None])
    name(stage.memory, 2, "cleo")
    with stage.memory.transaction():
        stage.memory.grouping.join([one.id for one in stage.faces()])
    assert stage.memory.grouping.current(2) == 1
    assert stage.memory.grouping.name_of(1) == "cleo"
    assert people(stage.memory, 1) == ["cleo", None]
    assert unname(stage.memory, 1) == 1
    assert people(stage.memory, 1) == [None, None]


def test_unknown_faces_that_are_the_same_share_a_group(stage: Stage) -> None:
    stage.see([None, None])
    one, other = stage.faces()
    word = stage.say("same", other, other=one.id)
    assert [found.group for found in stage.faces()] == [1, 1]
    stage.undo(stage.memory.judgements.last(1))
    assert [found.group for found in stage.faces()] == [1, 3]
    assert word == 1


def test_a_face_that_is_not_somebody_is_grouped_as_unknown(stage: Stage) -> None:
    stage.see(["ada"])
    stage.say("is_not", stage.faces()[0], name="ada")
    assert stage.faces()[0].group == 1
    stage.undo(stage.memory.judgements.last(1))
    assert stage.faces()[0].group is None


def test_no_average_outlives_the_faces_of_a_group(memory: Memory) -> None:
    keep(memory, video(), [face()])
    with memory.transaction():
        memory.expire(unknown_before="~", faces_before="~", most=9)
    rows = memory.connection.execute("SELECT core, size FROM groups").fetchall()
    assert rows == [(None, 0)]


def test_groups_are_right_after_a_transaction_that_failed(memory: Memory) -> None:
    keep(memory, video("a.mp4"), [face(person=1)])
    with suppress(KeyError), memory.transaction():
        memory.take(video("b.mp4"), [face(person=2)], None)
        raise KeyError
    keep(memory, video("c.mp4"), [face(person=3)])
    assert [(one.group, one.id) for one in memory.find()] == [(2, 2), (1, 1)]
    assert memory.grouping.summaries()[0].faces == 1


def test_another_process_adds_to_the_same_groups(folder: Path, memory: Memory) -> None:
    keep(memory, video("a.mp4"), [face()])
    with Memory.open(folder) as other:
        keep(other, video("b.mp4"), [face()])
    keep(memory, video("c.mp4"), [face()])
    assert memory.grouping.summaries()[0].faces == 3
    assert memory.connection.execute("SELECT size FROM groups").fetchall() == [(3,)]
