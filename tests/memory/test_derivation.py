"""Answers: the machine's, plus people's words."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridsphere.messages import Result
from tests.memory.judge_stage import Stage, result_of


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage.open(tmp_path) as stage:
        yield stage


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def names(stage: Stage) -> list[str]:
    return [row["name"] for row in rows(stage.csv())]


def test_without_words_the_answer_is_the_functions(stage: Stage) -> None:
    stage.see(["ada", None, "ben"])
    assert stage.derive().answer_status is None


def test_an_unknown_face_that_is_named_leaves_the_strangers(stage: Stage) -> None:
    stage.see(["ada", None, None])
    before = rows(stage.csv())
    stage.say("is", stage.faces()[1], name="cleo")
    upload = stage.derive()
    assert (upload.effective_status, upload.status) == ("matched", "matched")
    assert names(stage) == ["ada", "cleo", "unknown_1"]
    cleo, stranger = rows(stage.csv())[1:]
    assert cleo | {"name": "unknown_1", "status": "unknown_face"} == before[1]
    assert cleo["status"] == "no_record"
    assert stranger | {"name": "unknown_2"} == before[2]
    assert upload.effective_people[1] == {
        "name": "cleo",
        "major": "",
        "year": "",
        "status": "no_record",
        "first_s": 1.0,
        "last_s": 9.501,
        "sightings": 4,
        "spans": [[1000, 1500], [9000, 9501]],
    }


def test_a_named_face_is_matched_by_another_result_of_that_person(stage: Stage) -> None:
    stage.see(["ada"], key="b.mp4")
    video = stage.see([None])
    stage.say("is", stage.faces(video)[0], video=video, name="ada")
    assert stage.derive().effective_status == "matched"
    assert rows(stage.csv())[0]["major"] == "physics"


def test_a_name_that_nobody_typed_has_its_record(stage: Stage) -> None:
    stage.see(["ada"], key="b.mp4", mode="identify")
    video = stage.see(["ben", "ada"], mode="identify")
    stage.say("is_not", stage.faces(video)[0], video=video, name="ben")
    upload = stage.derive()
    assert rows(stage.csv()) == [
        {"name": "ada", "major": "physics", "year": "junior", "status": "matched"}
    ]
    assert (upload.effective_status, upload.effective_people[0]["year"]) == ("matched", "junior")


def test_a_record_is_known_from_results_without_faces(stage: Stage) -> None:
    stage.store(result_of(["ada"], key="b.mp4"))
    video = stage.see([None])
    stage.say("is", stage.faces(video)[0], video=video, name="ada")
    assert stage.derive().effective_status == "matched"


def test_a_face_that_is_not_somebody_becomes_a_stranger(stage: Stage) -> None:
    stage.see(["ada", "ben"])
    stage.say("is_not", stage.faces()[0], name="ada")
    assert stage.derive().effective_status == "no_record"
    assert names(stage) == ["ben", "unknown_1"]


def test_a_face_that_is_nobody_vanishes(stage: Stage) -> None:
    stage.see(["ada", None])
    for face in stage.faces():
        stage.say("nobody", face)
    assert stage.derive().effective_status == "no_face"
    assert names(stage) == [""]


def test_two_faces_of_one_person_are_one_row(stage: Stage) -> None:
    stage.see(["ada", None])
    ada, other = stage.faces()
    stage.say("same", other, other=ada.id)
    stage.derive()
    (row,) = rows(stage.csv())
    assert (row["name"], row["sightings"], row["major"]) == ("ada", "8", "physics")
    assert row["spans"] == "0.0-0.5 1.0-1.5 9.0-9.501"


def test_a_whole_video_is_judged_without_faces(stage: Stage) -> None:
    stage.store(result_of(["ada"], mode="identify"))
    video = stage.take([], mode="identify")
    stage.say("is_not", name="ada", video=video)
    assert stage.derive().effective_status == "unknown_face"
    stage.say("is", name="ben", video=video)
    assert (stage.derive().effective_status, names(stage)) == ("no_record", ["ben"])
    stage.say("nobody", video=video)
    assert stage.derive().effective_status == "no_face"


def test_somebody_who_hid_is_added_in_attendance(stage: Stage) -> None:
    stage.see(["ada"])
    stage.say("is", name="ben")
    stage.derive()
    assert names(stage) == ["ada", "ben"]
    assert rows(stage.csv())[1]["first_s"] == ""


def test_identify_answers_one_person(stage: Stage) -> None:
    stage.see(["ada", None], mode="identify")
    ada, other = stage.faces()
    stage.say("is", other, name="ben")
    assert stage.derive().answer_status is None
    stage.say("is_not", ada, name="ada")
    stage.derive()
    assert names(stage) == ["ben"]


def test_a_confirmed_answer_stands_against_a_later_attempt(stage: Stage) -> None:
    stage.see(["ada", None])
    stage.confirm()
    stage.see(["ben", "cleo"], attempt=2)
    stage.derive()
    assert names(stage) == ["ada", "unknown_1"]
    stage.undo(stage.memory.judgements.last(1))
    assert stage.derive().answer_status is None
    assert names(stage) == ["ben", "cleo"]


def test_faces_of_an_earlier_attempt_add_nobody(stage: Stage) -> None:
    stage.see(["ada", "ben", None])
    stage.say("is", stage.faces()[2], name="cleo")
    stage.derive()
    stage.store(result_of(["ada", None], attempt=2))
    with stage.memory.transaction():
        stage.memory.mark_stale(1)
    stage.derive()
    assert names(stage) == ["ada", "cleo", "unknown_1"]


def test_a_decision_counts_where_nobody_said_anything(stage: Stage) -> None:
    stage.see(["ada", None])
    with stage.memory.transaction():
        stage.memory._connection.execute("UPDATE faces SET name = NULL WHERE number = 0")
        stage.memory._connection.execute("UPDATE faces SET name = 'ben' WHERE number = 1")
        stage.memory.mark_stale(1)
    stage.derive()
    assert names(stage) == ["ben", "unknown_1"]


def test_a_failed_upload_can_be_judged(stage: Stage) -> None:
    one = result_of([], mode="identify")
    stage.store(Result(one.bucket, one.key, "e1", "01", one.event_time, "failed", one.csv))
    stage.take([], mode="identify")
    stage.say("is", name="ada")
    assert stage.derive().effective_status == "no_record"
    stage.undo(stage.memory.judgements.last(1))
    assert stage.derive().effective_status == "failed"


def test_people_whose_faces_have_expired_stay_in_the_answer(stage: Stage) -> None:
    stage.see(["ada", None, "ben"])
    stage.say("is", stage.faces()[1], name="cleo")
    stage.derive()
    with stage.memory.transaction():
        stage.memory.expire(unknown_before="~", faces_before="~", most=100)
    assert [face.person for face in stage.memory.find()] == ["cleo"]
    assert [stage.memory.looks(face.id) for face in stage.faces()] == [None] * 3
    stage.say("note", stage.faces()[0], note="late")
    stage.derive()
    assert names(stage) == ["ada", "cleo", "ben"]


def test_a_confirmed_stranger_stays_in_the_answer_without_the_face(stage: Stage) -> None:
    stage.see(["ada", None])
    stage.confirm()
    stage.see(["ada", "ben"], attempt=2)
    stage.derive()
    with stage.memory.transaction():
        stage.memory.expire(unknown_before="~", faces_before="~", most=100)
        stage.memory.mark_stale(1)
    stage.derive()
    assert names(stage) == ["ada", "unknown_1"]
    assert stage.memory.looks(stage.faces()[1].id) is None
