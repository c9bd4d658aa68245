"""A person's new name in results: the student's record goes with it."""

from pathlib import Path

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
