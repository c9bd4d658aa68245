"""The commands with which people look through faces, correct results and name groups."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hybridsphere.cli.app import main
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.memory import Memory
from hybridsphere.page.archive import Archive
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import Space
from tests.memory.judge_stage import Stage, result_of
from tests.memory.memory_stage import JPEG

SPACE = Space("yunet-sface", "d" * 64, 0.5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A results folder: two videos with two known people and two strangers, one with nobody."""
    results = tmp_path / "results"
    results.mkdir()
    with Stage.open(results) as stage:
        for key in ("a.mp4", "b.mp4"):
            stage.see(["ada", "ben", None, None], key=key)
        stage.store(result_of(["ben"], "bare.mp4", mode="identify"))
        stage.derive()
    monkeypatch.setenv("HYBRIDSPHERE_RESULTS_DIR", str(results))
    return results


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    return done


def asked(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def names(folder: Path, key: str = "a.mp4") -> list[str]:
    """The first column of a CSV file."""
    lines = (folder / f"{key}.csv").read_text().splitlines()
    return [line.partition(",")[0] for line in lines[1:]]


def test_faces_are_listed_with_their_people(folder: Path) -> None:
    rows = [line.split("\t") for line in run("faces", "--video", "a.mp4").stdout.splitlines()]
    assert [row[2] for row in rows[1:]] == ["ada", "ben", "unknown 1", "unknown 2"]
    assert [face["video"] for face in asked("faces", "--person", "ada")] == [2, 1]
    assert [group["faces"] for group in asked("faces", "--unknown")] == [2, 2]
    assert len(asked("faces", "--group", "2")) == 2
    assert asked("faces", "--until", "2020-01-01") == []


def test_a_picture_is_written_for_its_owner(folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "face.jpg"
    run("faces", "picture", "3", "-o", str(picture))
    assert picture.read_bytes() == JPEG
    assert picture.stat().st_mode & 0o777 == 0o600
    assert run("faces", "picture", "3", "-o", "-").stdout_bytes == JPEG
    assert "no face 99" in run("faces", "picture", "99", "-o", str(picture), code=2).stderr


def test_a_group_is_named_in_all_its_videos_and_unnamed(folder: Path) -> None:
    assert asked("faces", "name", "1", "cleo")["faces"] == 2
    assert names(folder) == ["ada", "ben", "cleo", "unknown_1"]
    assert names(folder, "b.mp4") == ["ada", "ben", "cleo", "unknown_1"]
    assert {"key": "b.mp4"}.items() <= asked("results", "find", "--person", "cleo")[0].items()
    run("faces", "name", "1", "--undo")
    assert names(folder) == ["ada", "ben", "unknown_1", "unknown_2"]
    assert "no name that could be taken back" in run("faces", "name", "1", "--undo", code=2).stderr
    assert [group["id"] for group in asked("faces", "--unknown")] == [1, 2]


def test_a_naming_leaves_judged_faces_alone(folder: Path) -> None:
    run("faces", "judge", "3", "--is", "dora")
    run("faces", "name", "1", "cleo")
    assert names(folder) == ["ada", "ben", "dora", "unknown_1"]
    assert names(folder, "b.mp4") == ["ada", "ben", "cleo", "unknown_1"]


def test_a_naming_enrolls_the_best_looks_and_undo_removes_them(
    folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "gallery.npz"
    Gallery(["ada"], np.eye(1, 128), SPACE).save(place)
    assert asked("faces", "name", "1", "cleo", "--enroll", str(place))["enrolled"] == 2
    known = Gallery.load(place)
    assert set(known.names) == {"ada", "cleo"}
    with Memory.read(folder) as memory:
        looks = memory.looks(3)
    assert looks is not None
    assert known.matches(looks[0].astype(np.float64), 0.05)[0].name == "cleo"
    run("faces", "name", "1", "--undo", "--enroll", str(place))
    assert Gallery.load(place).names == ["ada"]


def test_a_gallery_of_another_engine_changes_nothing(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "gallery.npz"
    Gallery(["ada"], np.eye(1, 128)).save(place)
    done = run("faces", "name", "1", "cleo", "--enroll", str(place), code=2)
    assert "cannot be compared" in done.stderr
    assert names(folder) == ["ada", "ben", "unknown_1", "unknown_2"]


def test_a_result_is_corrected_and_the_correction_taken_back(folder: Path) -> None:
    answer = asked("results", "correct", "a.mp4", "--is-not", "ben")
    assert [person["name"] for person in answer["people"]] == ["ada"]
    assert answer["corrected"]
    assert names(folder) == ["ada", "unknown_1", "unknown_2", "unknown_3"]
    assert not asked("results", "correct", "a.mp4", "--undo")["corrected"]
    assert names(folder) == ["ada", "ben", "unknown_1", "unknown_2"]
    assert [one["kind"] for one in asked("results", "correct", "a.mp4")["judgements"]] == [
        "is_not",
        "undo",
    ]


def test_a_word_has_the_name_of_the_user_behind_sudo(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "teacher")
    run("faces", "judge", "1", "--note", "x")
    run("faces", "judge", "1", "--note", "y", "--by", "somebody else")
    words = asked("results", "correct", "a.mp4")["judgements"]
    assert [word["by"] for word in words] == ["teacher", "somebody else"]


def test_a_result_without_faces_is_corrected_as_a_whole(folder: Path) -> None:
    # By the name of the file, as somebody copies it.
    run("results", "correct", "bare.mp4.csv", "--is", "ada")
    assert names(folder, "bare.mp4") == ["ada"]
    found = asked("results", "find", "--corrected")
    assert [(one["key"], one["status"]) for one in found] == [("bare.mp4", "matched")]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["results", "correct", "a.mp4", "--is", "x"], "shows 4 faces"),
        (["results", "correct", "a.mp4", "--is", "x", "--nobody"], "exactly one thing"),
        (["results", "correct", "a.mp4", "--is-not", "zoe"], "zoe is not in the answer"),
        (["results", "correct", "a.mp4", "--face", "5", "--nobody"], "in another video"),
        (["results", "correct", "none.mp4", "--right"], "no result of none.mp4"),
        (["results", "correct", "a.mp4", "--undo"], "nobody has said anything"),
        (["results", "correct", "a.mp4", "--add", "\u202e"], "invisible character"),
        (["faces", "judge", "1", "--same", "1"], "compared with itself"),
        (["faces", "name", "9", "x"], "no group 9"),
        (["faces", "name", "1"], "give a NAME, or --undo"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Path, words: list[str], reason: str) -> None:
    assert reason in run(*words, code=2).stderr


def test_nothing_is_created_where_no_bridge_has_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_RESULTS_DIR", str(tmp_path))
    assert "no ledger" in run("results", "correct", "a.mp4", "--right", code=2).stderr
    assert "no memory" in run("faces", code=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_a_large_group_is_named_in_under_a_second(folder: Path) -> None:
    """Stands for 100,000 stored faces: naming reads the group's faces alone."""
    with Memory.open(folder) as memory, memory.transaction():
        memory.connection.execute(
            """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
            INSERT INTO faces (video, number, at, seen_at, "left", top, "right", bottom, spans,
            best_ms, size_px, looks, certainty, group_id)
            SELECT 1, i + 9, '2026-11-21', '2026-11-21', 0, 0, 1, 1, '[]', 0, 9, 0, 'unknown',
            iif(i <= 2000, 1, 2) FROM n"""
        )
        begun = time.process_time()
        faces = memory.judgements.name_group(1, "cleo", by="a test")
        assert time.process_time() - begun < 1
    assert len(faces) == 2002


def test_a_word_stands_while_the_ledger_is_busy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybridsphere.ledger.file.BUSY_TIMEOUT_S", 0.05)
    run("results", "correct", "a.mp4", "--add", "cleo")
    run("results", "correct", "a.mp4", "--add", "dora")
    with Ledger.open(folder) as busy, busy.transaction():
        done = run("results", "correct", "a.mp4", "--undo")
        assert "recorded" in done.stderr
        assert asked("faces", "name", "1", "emil")["answers"] is None
        assert names(folder) == ["ada", "ben", "cleo", "dora", "unknown_1", "unknown_2"]
    with Stage.open(folder) as stage:
        stage.derive()
    assert names(folder) == ["ada", "ben", "emil", "cleo", "unknown_1"]


def test_a_word_is_not_recorded_while_the_memory_is_busy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybridsphere.ledger.file.BUSY_TIMEOUT_S", 0.05)
    with Memory.open(folder) as busy, busy.transaction():
        done = run("results", "correct", "a.mp4", "--add", "cleo", code=1)
    assert "try again" in done.stderr
    assert asked("results", "correct", "a.mp4")["judgements"] == []


def test_every_count_is_of_what_people_get(folder: Path) -> None:
    failed = replace(result_of([], "broken.mp4", mode="identify"), status="failed")
    with Stage.open(folder) as stage:
        stage.store(failed)
    run("results", "correct", "bare.mp4", "--is-not", "ben")
    run("results", "correct", "broken.mp4", "--is", "ada")
    run("results", "correct", "a.mp4", "--add", "cleo")
    expected = {"matched": 3, "unknown_face": 1}
    assert Counter(one["status"] for one in asked("results", "find")) == expected
    exported = json.loads(run("results", "export", "--format", "json").stdout)
    assert Counter(one["status"] for one in exported) == expected
    with Archive.read(folder) as ledger:
        assert ledger.counts() == ledger.count_since("2026") == expected
        assert ledger.count_since("2027") == {}
        assert ledger.last_failures(5) == ledger.failed(5) == []


def test_a_file_edited_by_hand_is_kept_beside_once(folder: Path) -> None:
    file = folder / "a.mp4.csv"
    file.write_text("name\nby hand\n")
    said = run("results", "correct", "a.mp4", "--add", "cleo")
    assert "a.mp4.csv.edited" in said.stderr
    run("results", "correct", "a.mp4", "--undo")
    assert names(folder) == ["ada", "ben", "unknown_1", "unknown_2"]
    assert [one.name for one in folder.glob("*.edited*")] == ["a.mp4.csv.edited"]
    assert (folder / "a.mp4.csv.edited").read_text() == "name\nby hand\n"


def people_everywhere(folder: Path, key: str = "a.mp4") -> list[str]:
    """The people of a video, who are the same in its CSV file, in exports and searches."""
    found = [one for one in names(folder, key) if not one.startswith("unknown_")]
    (exported,) = [
        one
        for one in json.loads(run("results", "export", "--format", "json").stdout)
        if one["key"] == key
    ]
    (searched,) = [one for one in asked("results", "find") if one["key"] == key]
    assert [person["name"] for person in searched["people"]] == found
    assert exported["name"] == ";".join(found)
    return found


def test_a_video_is_named_corrected_undone_decided_and_forgotten(
    folder: Path, tmp_path: Path
) -> None:
    gallery = tmp_path / "gallery.npz"
    Gallery(["ada", "ben"], np.eye(2, 128) / 2, SPACE).save(gallery)
    steps: list[tuple[str, list[str]]] = [
        ("faces name 1 cleo", ["ada", "ben", "cleo"]),
        ("results correct a.mp4 --face 1 --is-not ada", ["ben", "cleo"]),
        ("results correct a.mp4 --face 1 --undo", ["ada", "ben", "cleo"]),
        ("faces name 1 --undo", ["ada", "ben"]),
        (f"decide --gallery {gallery} --tolerance 0.001 --apply", []),
        ("results correct a.mp4 --face 1 --is ada", ["ada"]),
        (f"decide --gallery {gallery} --tolerance 0.6 --apply", ["ada", "ben"]),
        (f"forget ben --yes --gallery {gallery}", ["ada", "forgotten"]),
        ("results correct a.mp4 --face 1 --undo", ["ada", "forgotten"]),
    ]
    for words, expected in steps:
        run(*words.split())
        assert people_everywhere(folder) == expected, words
