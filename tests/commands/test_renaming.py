"""A person's new name in results: the student's record goes with it."""

from pathlib import Path

import pytest

from hybridsphere.commands.desk import Desk
from hybridsphere.commands.renaming import rename_in_results
from tests.memory.judge_stage import Stage


def rename(folder: Path, old: str, new: str) -> None:
    with Desk.open(folder, by="a teacher") as desk:
        rename_in_results(desk, old, new)


def test_the_students_record_goes_with_the_name(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada"])
    rename(tmp_path, "ada", "ada lovelace")
    with Stage.open(tmp_path) as stage:
        (person,) = stage.upload().effective_people
        assert (person["name"], person["status"]) == ("ada lovelace", "matched")
        assert (person["major"], person["year"]) == ("physics", "junior")
        assert "ada lovelace,physics,junior,matched" in stage.csv()


def test_a_name_with_a_record_keeps_it(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada"])
        with stage.ledger.transaction():
            stage.ledger.connection.execute(
                "INSERT INTO students VALUES ('eve', 'law', 'senior', '2026-11-22')"
            )
    rename(tmp_path, "ada", "eve")
    with Stage.open(tmp_path) as stage:
        (person,) = stage.upload().effective_people
        assert (person["major"], person["year"]) == ("law", "senior")


def test_a_person_without_a_record_gets_none(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ben"])
    rename(tmp_path, "ben", "eve")
    with Stage.open(tmp_path) as stage:
        assert stage.upload().effective_status == "no_record"


@pytest.mark.parametrize("mode", ["attendance", "identify"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_denied_name_stays_denied_under_its_new_form(
    tmp_path: Path, mode: str, whole: bool
) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada"], mode=mode)
        stage.say("is_not", None if whole else stage.faces()[0], name="ada")
        assert stage.derive().effective_people == []
    rename(tmp_path, "ada", "eve")
    with Stage.open(tmp_path) as stage:
        assert stage.people() == []


def test_a_word_after_a_denial_stands_after_a_rename(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada", None])
        stage.say("is_not", name="ada")
        stage.say("is", stage.faces()[1], name="ada")
        stage.derive()
        assert stage.people() == ["ada"]
    rename(tmp_path, "ada", "eve")
    with Stage.open(tmp_path) as stage:
        assert stage.people() == ["eve"]


def test_a_denial_after_a_word_stands_after_a_rename(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see([None])
        stage.say("is", stage.faces()[0], name="ada")
        stage.say("is_not", name="ada")
        stage.derive()
        assert stage.people() == []
    rename(tmp_path, "ada", "eve")
    with Stage.open(tmp_path) as stage:
        assert stage.people() == []


def test_a_face_that_has_the_new_name_keeps_it(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada"])
        stage.say("is", stage.faces()[0], name="eve")
        stage.say("is_not", stage.faces()[0], name="ada")
        stage.derive()
    rename(tmp_path, "ada", "eve")
    with Stage.open(tmp_path) as stage:
        assert stage.people() == ["eve"]
