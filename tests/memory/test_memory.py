"""The memory: every face once, found by person and time, and never without what people said."""

import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest

from hybridsphere.memory import memory as memory_module
from hybridsphere.memory.evidence import parse
from hybridsphere.memory.memory import Memory, MemoryFileError, memory_path
from tests.memory.evidence_stage import evidence_object
from tests.memory.evidence_stage import face as evidence_face
from tests.memory.memory_stage import JPEG, SCENE, embedding, face, judge, keep, video


def test_a_video_is_kept_with_its_faces(memory: Memory) -> None:
    number = keep(memory, video(), [face(0, 1, "anna"), face(1, 2)])
    one = memory.video_of(number)
    assert one
    assert (one.key, one.gallery, one.attempt, one.left_out) == ("test_0.mp4", "g1", 1, 0)
    assert memory.video(one.bucket, one.key, one.version) == one
    anna, stranger = memory.faces(number)
    assert (anna.number, anna.person, anna.certainty) == (0, "anna", "sure")
    assert (anna.spans, anna.box) == (((0, 1000), (2000, 2500)), (0, 0.1, 0.1, 0.3))
    assert (anna.at, anna.video, anna.looks) == (one.event_time, number, 2)
    assert (stranger.person, stranger.distance) == (None, None)
    assert memory.face(anna.id) == anna
    assert memory.picture(anna.id) == JPEG
    assert memory.scene(number) == SCENE
    looks = memory.looks(anna.id)
    assert looks is not None
    assert np.array_equal(looks, face(0, 1).looks)
    assert looks.dtype == np.float16


def test_an_evidence_object_is_kept_whole(memory: Memory) -> None:
    evidence = parse(
        evidence_object(
            evidence_face(looks=2), evidence_face(1, name=None, distance=None, certainty="unknown")
        )
    )
    with memory.transaction():
        number = memory.take_evidence(evidence, "the ledger's name")
    one = memory.video(evidence.bucket, evidence.key, "the ledger's name")
    assert one
    assert (one.id, one.engine, one.digest) == (number, "yunet-sface", evidence.space.digest)
    ada, stranger = memory.faces(number)
    assert (ada.name, ada.runner_up, ada.box) == ("ada", "ben", (0.25, 0.2, 0.5, 0.6))
    assert (stranger.person, stranger.runner_up) == (None, "ben")
    assert memory.picture(ada.id) == evidence.faces[0].jpeg
    assert memory.looks_ms(ada.id) == evidence.faces[0].looks_ms
    assert np.array_equal(memory.looks(ada.id), evidence.faces[0].embeddings)
    scene = memory.scene(number)
    assert scene
    assert scene.jpeg == evidence.scene


def test_an_attempt_that_comes_again_changes_nothing(memory: Memory) -> None:
    keep(memory, video(attempt=2), [face(0, 1, "anna")])
    before = memory.find()
    for attempt in (1, 2):
        keep(memory, video(attempt=attempt), [face(0, 3, "bert"), face(1, 4)])
    assert memory.find() == before


def test_a_later_attempt_replaces_the_faces_and_keeps_their_ids(memory: Memory) -> None:
    number = keep(memory, video(), [face(0, 1), face(1, 2), face(2, 3)])
    first, second, _ = memory.faces(number)
    again = [face(0, 2, "bert"), face(1, 1, "anna", looks=3), face(2, 5)]
    assert keep(memory, video(attempt=2, gallery="g2"), again) == number
    found = memory.faces(number)
    assert [one.name for one in found] == ["bert", "anna", None]
    assert [one.id for one in found[:2]] == [second.id, first.id]
    assert found[2].id > second.id + 1
    assert memory.count_faces() == 3
    looks = memory.looks(first.id)
    assert looks is not None
    assert len(looks) == 3
    one = memory.video_of(number)
    assert one
    assert (one.attempt, one.gallery) == (2, "g2")


@pytest.mark.parametrize("digest", ["d" * 64, "e" * 64])
def test_a_judged_face_stays_though_a_later_attempt_does_not_find_it(
    memory: Memory, digest: str
) -> None:
    number = keep(memory, video(), [face(0, 1), face(1, 2)])
    judged = memory.faces(number)[0]
    judge(memory, judged.id)
    keep(memory, video(attempt=2, digest=digest), [face(0, 7, box=(0.7, 0.7, 0.9, 0.9))])
    stayed = memory.face(judged.id)
    assert stayed
    assert stayed.person == "anna"
    assert [one.person for one in memory.faces(number)] == ["anna", None]
    # Looks of another engine would be compared with those of this one.
    assert (memory.looks(judged.id) is None) == (digest == "e" * 64)


def test_another_engine_finds_a_face_again_by_its_place(memory: Memory) -> None:
    number = keep(memory, video(), [face(0, 1), face(4, 2)])
    judged = memory.faces(number)[1]
    judge(memory, judged.id)
    keep(memory, video(attempt=2, digest="e" * 64), [face(4, 9, "carl"), face(0, 8)])
    again = memory.face(judged.id)
    assert again
    assert (again.name, again.person) == ("carl", "anna")
    assert memory.count_faces() == 2


def test_new_faces_of_a_judged_video_make_its_answer_stale(memory: Memory) -> None:
    number = keep(memory, video(), [face(0, 1)])
    assert memory.stale() == []
    judge(memory, memory.faces(number)[0].id)
    keep(memory, video(attempt=2), [face(0, 1)])
    assert memory.stale() == [number]
    with memory.transaction():
        memory.settle(number)
    assert memory.stale() == []


def test_faces_are_found_by_person_time_and_certainty(memory: Memory) -> None:
    days = [f"2026-11-{day}T00:00:00.000Z" for day in range(10, 20)]
    for day in days:
        keep(memory, video(f"{day}.mp4", event_time=day), [face(0, 1, "anna"), face(1, 2)])
    assert [one.at for one in memory.find(person="anna")] == days[::-1]
    assert {one.name for one in memory.find(person="")} == {None}
    assert len(memory.find(certainty="sure")) == len(days)
    assert len(memory.find()) == 2 * len(days)
    found = memory.find(person="anna", since=days[2], until=days[5])
    assert [one.at for one in found] == days[4:1:-1]
    judge(memory, found[0].id, "bert")
    assert [one.at for one in memory.find(person="bert")] == [days[4]]
    assert len(memory.find(person="anna")) == len(days) - 1


def test_nobody_and_strangers_come_in_one_order(memory: Memory) -> None:
    for day in range(10, 16):
        keep(memory, video(f"{day}.mp4", event_time=f"2026-11-{day}T00:00:00.000Z"), [face(0, day)])
    every = memory.find()
    with memory.transaction():
        for one in every[::2]:
            memory._connection.execute("UPDATE faces SET said = '' WHERE id = ?", (one.id,))
    first = memory.find(person="", most=4)
    rest = memory.find(person="", after=(first[-1].at, first[-1].id))
    assert [one.id for one in (*first, *rest)] == [one.id for one in every]


def test_pages_follow_each_other_without_gaps(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_module, "PAGE", 2)
    for number in range(3):
        keep(memory, video(f"{number}.mp4"), [face(place, place) for place in range(3)])
    seen = memory.find(most=4)
    while page := memory.find(after=(seen[-1].at, seen[-1].id), most=4):
        seen += page
    assert [one.id for one in seen] == sorted(
        (one.id for one in memory.find(most=99)), reverse=True
    )
    assert [one.key for one in memory.videos()] == ["0.mp4", "1.mp4", "2.mp4"]


def test_judgements_are_never_changed_or_deleted(memory: Memory) -> None:
    keep(memory, video(), [face()])
    judge(memory, memory.find()[0].id)
    for change in ("DELETE FROM judgements", "UPDATE judgements SET name = 'bert'"):
        with pytest.raises(sqlite3.IntegrityError, match="never"), memory.transaction():
            memory._connection.execute(change)


def test_only_the_owner_may_read_the_memory(folder: Path, memory: Memory) -> None:
    keep(memory, video(), [face()])
    for file in memory_path(folder).parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file.name


def test_deleted_faces_leave_no_bytes(folder: Path) -> None:
    with Memory.open(folder) as memory:
        keep(memory, video(), [face(0, 1, "anna-of-the-test")])
        keep(memory, video(attempt=2), [face(0, 5)])
    content = memory_path(folder).read_bytes()
    assert embedding(1).tobytes() not in content
    assert b"anna-of-the-test" not in content
    assert embedding(5).tobytes() in content


def test_a_newer_or_missing_memory_is_an_error_with_a_remedy(folder: Path) -> None:
    with pytest.raises(MemoryFileError, match="HYBRIDSPHERE_RESULTS_DIR"), Memory.read(folder):
        pass
    with Memory.open(folder) as memory:
        memory._connection.execute("PRAGMA user_version = 9")
    with pytest.raises(MemoryFileError, match=r"schema 9.*use the release that wrote it"):
        Memory.open(folder)
