"""Mappings: what a CSV is expected to say, and how it departs from that."""

from pathlib import Path

import pytest

from hybridsphere.errors import CannotRun
from hybridsphere.messages import csv_text
from hybridsphere.workload.mapping import disagreement, expected_of, read_mapping

SHARED = Path(__file__).parents[3] / "shared" / "workload" / "mapping"

PHYSICS = {"major": "physics", "year": "junior"}


def mapping_file(folder: Path, text: str) -> Path:
    file = folder / "mapping"
    file.write_text(text)
    return file


def test_a_line_names_a_video_and_its_student(tmp_path: Path) -> None:
    file = mapping_file(tmp_path, "test_0.mp4:physics,junior\r\n\n a:b.mp4:math, senior\n")

    assert read_mapping(file) == {
        "test_0.mp4": PHYSICS,
        "a:b.mp4": {"major": "math", "year": "senior"},
    }


@pytest.mark.parametrize(
    "line",
    ["test_0.mp4", "test_0.mp4:physics", "test_0.mp4:physics,", ":physics,junior", "x:a,b,c"],
)
def test_a_malformed_line_is_refused_with_file_and_line(tmp_path: Path, line: str) -> None:
    file = mapping_file(tmp_path, f"good.mp4:physics,junior\n{line}\n")

    with pytest.raises(CannotRun, match=r"mapping:2: .*write a line as"):
        read_mapping(file)


def test_two_different_answers_for_one_video_are_refused(tmp_path: Path) -> None:
    file = mapping_file(tmp_path, "x.mp4:physics,junior\nx.mp4:physics,senior\n")

    with pytest.raises(CannotRun, match=r"mapping:2: 'x\.mp4' has another answer"):
        read_mapping(file)


def test_a_missing_mapping_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="nowhere"):
        read_mapping(tmp_path / "nowhere")


def test_a_key_is_looked_up_whole_before_the_file_name_at_its_end() -> None:
    mapping = {"a/x.mp4": {"name": "whole"}, "x.mp4": {"name": "end"}}

    assert expected_of("a/x.mp4", mapping) == {"name": "whole"}
    assert expected_of("b/x.mp4", mapping) == {"name": "end"}
    assert expected_of("b/y.mp4", mapping) is None


def test_a_csv_as_expected_has_no_disagreement() -> None:
    assert disagreement(csv_text([("ada", "physics", "junior", "matched")]), PHYSICS) is None


def test_only_differing_columns_are_described() -> None:
    csv = csv_text([("ada", "physics", "freshmen", "matched")])

    assert disagreement(csv, {**PHYSICS, "year": "freshman"}) == (
        "year freshman expected, freshmen found"
    )


def test_nobody_found_departs_in_every_column() -> None:
    found = "major physics expected, nothing found; year junior expected, nothing found"

    assert disagreement(csv_text([("", "", "", "no_face")]), PHYSICS) == found
    assert disagreement("", PHYSICS) == found


def test_of_several_people_one_is_enough() -> None:
    csv = csv_text([("ben", "math", "senior", "matched"), ("ada", "physics", "junior", "matched")])

    assert disagreement(csv, PHYSICS) is None


@pytest.mark.skipif(not SHARED.exists(), reason=f"the real mapping is not at {SHARED}")
def test_the_real_mapping_can_be_read() -> None:
    mapping = read_mapping(SHARED)

    assert len(mapping) == 100
    assert mapping["test_5.mp4"] == {"major": "computer_science", "year": "sophomore"}
