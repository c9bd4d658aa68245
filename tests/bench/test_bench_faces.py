"""The ways with videos and faces are held to the same answers before they are compared."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from bench import attendance, decisions, films, gallery, hard, memory, school, videos
from bench.answer import Answer
from bench.films import ATTENDING, FIRST, SECOND, class_film, hard_films
from bench.report.row import WrongAnswer
from bench.rounds import Rounds
from bench.trial import WAYS, Trial
from bench.ways import least_videos, our_videos, usual_videos
from hybridsphere.demo.clips import make_photos
from hybridsphere.recognition.gallery import Gallery

KNOWN = Answer("known", FIRST)
NOBODY = Answer("no_face")
# ffmpeg's command makes no picture of less than half a second.
PORTRAIT = films.portrait(0.6)


@pytest.fixture(scope="session")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PORTRAIT.shoot(tmp_path_factory.mktemp("films"))


def test_a_video_is_timed_three_ways(portrait: Path, people: Gallery) -> None:
    sample = videos.Sample({"portrait": portrait}, people, {"portrait": KNOWN})
    part = videos.measure(sample, rounds=Rounds(1), report=print)
    row, mean = part.rows
    assert (row.what, mean.what) == ("portrait", "somebody known, on average")
    assert (row.usual, row.ours, row.least) == (mean.usual, mean.ours, mean.least)
    assert None not in (row.usual, row.ours, row.least)
    assert mean.reached is not None


def test_the_least_look_is_the_smallest_with_the_right_answer(
    portrait: Path, people: Gallery
) -> None:
    planned = least_videos.plan(portrait, people, KNOWN)
    assert planned is not None
    assert planned.frame == 0
    assert planned.width < 1280
    assert least_videos.recognise(portrait, people, planned) == KNOWN
    assert least_videos.plan(portrait, people, Answer("known", SECOND)) is None


def test_without_ffmpeg_the_rows_say_so_and_the_usual_way_decodes_by_itself(
    portrait: Path, people: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    part = videos.measure(
        videos.Sample({"portrait": portrait}, people, {"portrait": KNOWN}),
        rounds=Rounds(1),
        report=print,
    )
    assert "no ffmpeg on the PATH" in part.usual_way
    assert part.rows[-1].remark == "the usual way without ffmpeg's command"
    assert hard.checked(PORTRAIT, tried_with(usual=[KNOWN], ours=[KNOWN])) == part.rows[-1].remark


@pytest.fixture
def ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that takes what ffmpeg would be given, and writes the pictures it was told to."""
    (tmp_path / "ffmpeg").write_text(FFMPEG)
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.usefixtures("ffmpeg")
def test_with_ffmpeg_the_usual_way_reads_its_jpegs(people: Gallery, tmp_path: Path) -> None:
    make_photos(tmp_path)
    assert usual_videos.way().startswith("ffmpeg's command")
    photo = tmp_path / f"{SECOND}.jpg"
    assert usual_videos.recognise(photo, people, 0.6) == Answer("known", SECOND)


FFMPEG = """#!/bin/sh
while [ $# -gt 1 ]; do
  [ "$1" = -i ] && input=$2
  shift
done
cp "$input" "$(dirname "$1")/0001.jpg"
"""


def test_files_that_are_no_videos_are_compared_but_not_timed(tmp_path: Path) -> None:
    part = videos.measure(
        videos.given_sample(*_no_videos(tmp_path)), rounds=Rounds(1), report=print
    )
    assert part.rows == []
    assert "The same answers in every round, to all 2 files." in part.notes


def test_an_unexpected_answer_ends_the_measurement(tmp_path: Path) -> None:
    given = videos.given_sample(*_no_videos(tmp_path))
    expecting = replace(given, expected={"notes.mp4": Answer("known", "ada")})
    with pytest.raises(WrongAnswer, match=r"notes\.mp4.*ada"):
        videos.measure(expecting, rounds=Rounds(1), report=print)


def test_videos_that_there_is_no_time_for_are_left_out_and_counted(tmp_path: Path) -> None:
    given = videos.given_sample(*_no_videos(tmp_path))
    # The clock is read as the part begins, before each video, and as its first round begins and
    # ends: it goes on by three quarters of what all videos may take.
    times = (number * 30.0 for number in count())
    rounds = Rounds(1, clock=lambda: next(times))
    part = videos.measure(given, rounds=rounds, report=print)
    assert (
        "The same answers in every round, to 1 of 2 files: there was no time for the others."
        in (part.notes)
    )


def test_every_round_of_every_way_is_held_to_the_answer() -> None:
    tried = tried_with(usual=[KNOWN, KNOWN], ours=[KNOWN, KNOWN], least=[KNOWN, KNOWN])
    tried.check(KNOWN, *WAYS)
    for way in WAYS:
        answers = {"usual": [KNOWN], "ours": [KNOWN], "least": [KNOWN], way: [KNOWN, NOBODY, KNOWN]}
        with pytest.raises(
            WrongAnswer, match=f"portrait, {way}, round 2: no_face; expected is known, {FIRST}"
        ):
            tried_with(**answers).check(KNOWN, *WAYS)


def test_a_video_is_held_to_the_same_answer_in_every_round(
    portrait: Path, people: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = iter([KNOWN, KNOWN, NOBODY])  # The first is for warming up.
    monkeypatch.setattr(our_videos, "recognise", lambda *_: next(says))
    sample = videos.Sample({"a clip": portrait}, people)
    with pytest.raises(WrongAnswer, match="a clip, ours, round 2: no_face"):
        # By a clock that stands still: on a busy machine the second round would be left out.
        videos.measure(sample, rounds=Rounds(2, clock=lambda: 0.0), report=print)


def test_the_least_has_to_name_the_same_person(
    portrait: Path, people: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(least_videos, "recognise", lambda *_: NOBODY)
    sample = videos.Sample({"a clip": portrait}, people)
    with pytest.raises(WrongAnswer, match="a clip, least, round 1: no_face"):
        videos.measure(sample, rounds=Rounds(1), report=print)


@pytest.mark.usefixtures("ffmpeg")
def test_a_hard_film_has_to_be_answered_rightly() -> None:
    assert hard.checked(PORTRAIT, tried_with(usual=[KNOWN], ours=[KNOWN])) == ""
    for way in ("ours", "least"):
        answers = {"usual": [KNOWN], "ours": [KNOWN], way: [NOBODY]}
        with pytest.raises(WrongAnswer, match=f"portrait, {way}, round 1: no_face"):
            hard.checked(PORTRAIT, tried_with(**answers))


@pytest.mark.usefixtures("ffmpeg")
def test_what_the_usual_way_misses_is_remarked_if_it_always_does() -> None:
    tried = tried_with(usual=[NOBODY, NOBODY], ours=[KNOWN, KNOWN])
    assert hard.checked(PORTRAIT, tried) == "the usual way says: no_face"
    with pytest.raises(WrongAnswer, match=f"portrait, usual, round 2: known, {FIRST}"):
        hard.checked(PORTRAIT, tried_with(usual=[NOBODY, KNOWN], ours=[KNOWN, KNOWN]))


def tried_with(**answers: list[Answer]) -> Trial:
    """What the ways have said, round by round."""
    return Trial("portrait", answers)


def test_hard_films_are_tried_each_way(people: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hard, "demo_gallery", lambda: people)
    monkeypatch.setattr(hard, "hard_films", lambda: [PORTRAIT])
    (row,) = hard.measure(rounds=Rounds(1), report=print).rows
    assert row.what == "portrait"
    assert None not in (row.usual, row.ours, row.least, row.reached)


def test_the_hard_films_are_of_every_kind() -> None:
    answers = {film.name: film.answer.status for film in hard_films()}
    assert answers == {
        "small": "known",
        "late": "known",
        "absent": "no_face",
        "absent, moving": "no_face",
        "stranger": "unknown_face",
        "stranger, moving": "unknown_face",
    }


def test_a_face_is_found_in_a_gallery_by_all_ways() -> None:
    part = gallery.measure((50,), rounds=Rounds(1), report=print)
    (row,) = part.rows
    assert row.what == "a gallery of 50"
    assert None not in (row.usual, row.ours, row.least, row.reached)


def test_a_search_that_finds_somebody_else_is_no_equal_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gallery, "ours", lambda *_: ["somebody else"])
    with pytest.raises(WrongAnswer, match="somebody else"):
        gallery.measure((50,), rounds=Rounds(1), report=print)


def test_a_drawn_face_is_near_to_one_alone() -> None:
    known_faces, face = gallery.drawn(200)
    distances = np.linalg.norm(known_faces.embeddings - face, axis=1)
    assert (distances <= our_videos.DEFAULTS.tolerance).sum() == 1


def test_attendance_is_a_multiple_of_real_time(
    people: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "demo_gallery", lambda: people)
    part = attendance.measure(1.0, 1, rounds=Rounds(1), report=print)
    (row,) = part.rows
    assert row.usual
    assert row.ours
    assert row.least
    assert row.usual < row.least


def test_attendance_is_compared_only_where_both_ways_name_everybody(
    people: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "demo_gallery", lambda: people.without(ATTENDING[0]))
    with pytest.raises(WrongAnswer, match=rf"the usual way names (?!.*{ATTENDING[0]}.*not)"):
        attendance.measure(1.0, 1, rounds=Rounds(1), report=print)
    attendance.check("ours", set(ATTENDING))
    with pytest.raises(WrongAnswer, match=r"attendance: ours names .*a stranger"):
        attendance.check("ours", {*ATTENDING, "a stranger"})


def test_the_usual_way_looks_at_frames_from_all_of_a_film(tmp_path: Path, people: Gallery) -> None:
    # One comes after a quarter of it, another leaves before its last.
    film = class_film(0.5).shoot(tmp_path)
    assert attendance.usual(film, people, 2).names == set(ATTENDING)


def _no_videos(folder: Path) -> tuple[Path, Path]:
    faces = folder / "gallery.npz"
    Gallery.empty().save(faces)
    files = folder / "videos"
    files.mkdir()
    (files / "notes.mp4").write_text("no video")
    (files / "empty.mp4").touch()
    return files, faces


def test_videos_are_decided_again(tmp_path: Path) -> None:
    part = decisions.measure(tmp_path, 20, rounds=Rounds(1), report=print)

    (row,) = part.rows
    assert row.what.startswith("20 videos")
    assert row.reached
    assert list(tmp_path.iterdir()) == []


def test_the_memory_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(school, "NAMED", 3)
    part = memory.measure(
        tmp_path, 20_000, 100, uploads=100, messages=20, rounds=Rounds(1), report=print
    )

    beside = [row for row in part.rows if row.what.startswith("bridge")]
    reached = [row.reached for row in part.rows if row not in beside]
    assert reached[:5] == [True, True, None, None, True]
    # The command's start alone may exceed its target on a busy machine.
    assert reached[6:] == [True, True, None]
    assert len(beside) == 3
    assert all(row.ours for row in beside)
    assert list(tmp_path.iterdir()) == []


def test_wrong_decisions_are_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, known = decisions.keep, decisions.drawn(7)
    others = Gallery(known.names, -known.embeddings, known.space)
    monkeypatch.setattr(decisions, "keep", lambda folder, _, videos: keep(folder, others, videos))

    with pytest.raises(WrongAnswer, match="of 4 known faces"):
        decisions.measure(tmp_path, 2, rounds=Rounds(1), report=print)
