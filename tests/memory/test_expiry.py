"""Faces expire, answers stay: what the memory no longer has changes no result."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hybridsphere.memory.memory import Memory, memory_path
from hybridsphere.memory.renaming import rename_person
from tests.memory.judge_stage import Stage


@pytest.fixture(params=["attendance", "identify"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_decision_that_nobody_judged_outlives_its_face(tmp_path: Path, mode: str) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada"], mode=mode)
        (face,) = stage.faces()
        stage.decide({face.id: "ben"})
        stage.derive()
        assert stage.people() == ["ben"]
        stage.expire()
        stage.say("is", name="zoe")
        (video,) = stage.memory.videos()
        stage.undo(stage.memory.judgements.last(video.id))
        stage.derive()
        assert stage.people() == ["ben"]
        assert stage.memory.looks(face.id) is stage.memory.picture(face.id) is None


def test_a_stranger_stays_whom_a_decision_made_one(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada", "ben"])
        ada, _ = stage.faces()
        stage.decide({ada.id: None})
        before = stage.derive().effective_csv
        stage.expire(named=False)
        stage.say("is", name="zoe")
        stage.derive()
        assert stage.people() == ["ben", "zoe"]
        assert "unknown_1" in str(before)
        assert "unknown_1" in stage.csv()


def test_a_stranger_who_was_listed_stays_when_others_are_judged(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada", None], mode="identify")
        ada, _ = stage.faces()
        stage.expire(named=False)
        stage.say("nobody", ada)
        assert stage.derive().effective_status == "unknown_face"


def test_the_chosen_person_of_identify_outlives_the_faces(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada", "ben"], mode="identify")
        with stage.memory.transaction():
            stage.memory.connection.execute("UPDATE videos SET decided = 'ben'")
        ada, ben = stage.faces()
        stage.decide({ada.id: "ada", ben.id: "ben"})
        stage.derive()
        assert stage.people() == ["ben"]
        stage.expire()
        assert stage.people() == ["ben"]


def test_a_person_who_was_renamed_keeps_the_new_name(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada"])
        with stage.memory.transaction():
            rename_person(stage.memory, "ada", "eve", by="a teacher")
        stage.derive()
        stage.expire()
        stage.say("is", name="zoe")
        stage.derive()
        assert stage.people() == ["eve", "zoe"]


def test_nothing_stays_of_a_video_that_nobody_touched(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada", None])
        stage.see(["ada", None], key="b.mp4")
        stage.expire(named=False)
        # The other face is still kept: words about it need both rows.
        assert [len(stage.faces(video)) for video in (1, 2)] == [2, 2]
        stage.say("nobody", stage.faces(2)[0], 2)
        stage.expire()
        assert [video.key for video in stage.memory.videos()] == ["b.mp4"]
        assert [len(stage.faces(video)) for video in (1, 2)] == [0, 2]
        assert stage.upload().answer_status is None


def test_a_word_outlives_the_face_and_a_replay(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada", None])
        stage.say("is_not", stage.faces()[0], name="ada")
        stage.expire()
        stage.see(["ada", None], attempt=2)
        stage.derive()
        assert stage.people() == []
        assert len(stage.faces()) == 2


def test_an_older_memory_keeps_the_rows_that_it_may_need(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada"])
        stage.decide({stage.faces()[0].id: "ben"})
        stage.derive()
    with closing(sqlite3.connect(memory_path(tmp_path))) as connection:
        connection.executescript("ALTER TABLE videos DROP COLUMN changed; PRAGMA user_version = 1")
    with Memory.read(tmp_path) as memory:
        assert [face.person for face in memory.find()] == ["ben"]
    with Stage.open(tmp_path) as stage:
        assert stage.memory.migrated
        stage.see(["ada"], key="b.mp4")
        stage.expire()
        assert [video.key for video in stage.memory.videos()] == ["a.mp4"]
        assert stage.people() == ["ben"]
    with Memory.open(tmp_path) as memory:
        assert not memory.migrated
        assert memory.connection.execute("PRAGMA user_version").fetchone() == (2,)
