"""The clips that the demo makes; whether they are recognised is the demo's own check."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from hybridsphere.demo.clips import FPS, Clip, make_clips, make_photos, write_students
from hybridsphere.demo.people import known_people
from hybridsphere.messages import STATUSES
from tests.demo.demo_stage import Played


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    return make_clips(tmp_path_factory.mktemp("clips"))


def test_the_clips_cover_every_status(clips: list[Clip]) -> None:
    assert {clip.status for clip in clips} == set(STATUSES) - {"failed"}


def test_several_different_people_are_known(clips: list[Clip]) -> None:
    assert len({clip.person for clip in clips if clip.status == "matched"}) == 2


def test_a_person_without_a_record_is_no_student(clips: list[Clip], tmp_path: Path) -> None:
    write_students(tmp_path / "students.json")
    students = {student["name"] for student in json.loads((tmp_path / "students.json").read_text())}

    assert students == {clip.person for clip in clips if clip.status == "matched"}
    assert {clip.person for clip in clips if clip.status == "no_record"} == set(
        known_people()
    ) - students


def test_everybody_known_has_a_photo_named_for_them(tmp_path: Path) -> None:
    make_photos(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.jpg" for name in known_people()}


def test_the_videos_are_short_and_move(clips: list[Clip]) -> None:
    for clip in clips:
        if clip.status == "unreadable":
            continue
        with av.open(clip.file) as container:
            pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        assert 1 <= len(pictures) / FPS <= 3
        assert np.abs(pictures[0].astype(int) - pictures[-1]).mean() > 1, clip.key


def test_the_same_clips_are_made_every_time(clips: list[Clip], played: Played) -> None:
    for clip in clips:
        assert (played.own / "clips" / clip.key).read_bytes() == clip.file.read_bytes(), clip.key


def test_attendance_counts_strangers(clips: list[Clip]) -> None:
    expected = {clip.key: clip.expected("attendance") for clip in clips}

    assert expected["visitor.mp4"] == {"status": "unknown_face", "name": "unknown_1"}
    assert expected["stranger.webm"] == {"status": "no_face", "name": ""}
    others = [clip for clip in clips if clip.status != "unknown_face"]
    assert all(clip.expected("attendance") == clip.expected("identify") for clip in others)
