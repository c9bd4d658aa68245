import json
import os
from pathlib import Path

import pytest

from lambda_fn.results.student_file import StudentFile
from lambda_fn.results.students import MISSING, StudentRecord


def written(file: Path, *students: object) -> StudentFile:
    file.write_text(json.dumps(students), encoding="utf-8")
    return StudentFile(file)


def test_a_student_is_found_by_every_spelling(tmp_path: Path) -> None:
    decomposed = "rene\u0301"
    students = written(
        tmp_path / "students.json", {"name": decomposed, "major": "physics", "year": 3}
    )
    assert students.get("ren\u00e9") == StudentRecord("ren\u00e9", "physics", "3")
    assert students.get("nobody") is None


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "students.json"
    students = written(file, {"name": "ada", "major": "math", "year": "junior"})
    assert students.get("ada") == StudentRecord("ada", "math", "junior")
    written(file, {"name": "ada", "major": "physics", "year": "senior"})
    os.utime(file, ns=(1, 1))
    assert students.get("ada") == StudentRecord("ada", "physics", "senior")


def test_a_field_that_is_missing_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    students = written(tmp_path / "students.json", {"name": "ada", "year": "junior"})
    assert students.get("ada") == StudentRecord("ada", MISSING, "junior")
    assert "student.incomplete" in "".join(capsys.readouterr())


@pytest.mark.parametrize("text", ["{}", "no json"])
def test_a_file_that_is_no_list_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "students.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        StudentFile(file).get("ada")
