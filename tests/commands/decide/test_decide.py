"""Decisions from kept looks: the difference, and what follows once it is applied."""

import os
from typing import Any

import boto3
import pytest

from hybridsphere.commands.decide import command
from hybridsphere.memory.kept import kept_pages
from hybridsphere.recognition.space import DLIB
from tests.commands.decide.decide_stage import Folder, gallery_of
from tests.moto_account import moto_account

NOTHING = {"named → unknown": 0, "unknown → named": 0, "renamed": 0}


def test_the_same_gallery_changes_nothing(folder: Folder) -> None:
    gallery = gallery_of("ada", "ben")
    folder.see(["ada", "ben", None], gallery)
    folder.use(gallery)

    report = folder.report("decide")

    assert (report["videos"], report["faces"], report["changed_videos"]) == (1, 3, 0)
    assert report["kinds"] == NOTHING
    assert folder.run("decide").stdout == "0 of 1 videos change\n"


def test_the_difference_is_shown_and_nothing_is_done(folder: Folder) -> None:
    folder.see(["ada", "ben", None], gallery_of("ada", "ben"))
    folder.use(gallery_of("ada", "cleo", eve=1))

    ended = folder.run("decide")

    assert ended.exit_code == 0
    lines = ended.stdout.splitlines()
    assert lines[0] == "1 of 1 videos change"
    assert [line.split()[:4] for line in lines[1:3]] == [
        ["unknown", "→", "named", "1"],
        ["renamed", "1", "faces"],
    ]
    assert "ben → eve" in ended.stdout
    assert "unknown → cleo" in ended.stdout
    assert lines[-1] == "nothing was changed; --apply does it"
    assert max(map(len, lines)) <= 80
    assert folder.csv() == ["ada", "ben", "unknown_1"]


def test_applied_decisions_reach_ledger_file_and_memory(folder: Folder) -> None:
    folder.see(["ada", "ben", None], gallery_of("ada", "ben"))
    folder.use(gallery_of("ada", "cleo"))

    report = folder.report("decide", "--apply")

    assert report["kinds"] == {"named → unknown": 1, "unknown → named": 1, "renamed": 0}
    assert (report["applied"], report["derived"], report["exit"]) == (True, 1, 0)
    assert sorted(folder.csv()) == ["ada", "cleo", "unknown_1"]
    with folder.stage() as stage:
        assert [face.name for face in stage.faces()] == ["ada", None, "cleo"]
        assert sorted(stage.people()) == ["ada", "cleo"]
    again = folder.report("decide", "--apply")
    assert (again["changed_videos"], again["derived"]) == (0, 0)


def test_a_decision_is_undone_by_the_earlier_gallery(folder: Folder) -> None:
    gallery = gallery_of("ada", "ben")
    folder.see(["ada", "ben"], gallery)
    before = (folder.folder / "a.mp4.csv").read_bytes()
    folder.use(gallery_of("ada"))
    folder.run("decide", "--apply")
    folder.use(gallery)

    folder.run("decide", "--apply")

    assert (folder.folder / "a.mp4.csv").read_bytes() == before


def test_peoples_words_stand(folder: Folder) -> None:
    folder.see(["ada", None], gallery_of("ada"))
    with folder.stage() as stage:
        stage.say("is", stage.faces()[1], name="zoe")
        stage.derive()
    folder.use(gallery_of("ben"))

    report = folder.report("decide", "--apply")

    assert report["people_stand"] == 1
    assert sorted(folder.csv()) == ["unknown_1", "zoe"]
    with folder.stage() as stage:
        assert [face.person for face in stage.faces()] == [None, "zoe"]
        assert stage.faces()[1].name == "ben"


def test_a_copied_folder_has_no_edited_files(folder: Folder) -> None:
    folder.see(["ada", "ben"], gallery_of("ada", "ben"))
    for names in (["ada"], ["ben"], []):
        # A copy has times of its own, by which edits are known.
        os.utime(folder.folder / "a.mp4.csv")
        folder.use(gallery_of(*names))
        folder.run("decide", "--apply")

    assert [file.name for file in folder.folder.glob("*.csv*")] == ["a.mp4.csv"]


def test_a_tolerance_decides_too(folder: Folder) -> None:
    gallery = gallery_of("ada")
    folder.see(["ada"], gallery)
    folder.use(gallery)

    assert folder.report("decide", "--tolerance", "0.001")["kinds"]["named → unknown"] == 1
    folder.run("decide", "--tolerance", "0.001", "--apply")
    # Each video keeps the tolerance that it was decided with.
    assert folder.report("decide")["changed_videos"] == 0
    assert folder.report("decide", "--tolerance", "0.6")["kinds"]["unknown → named"] == 1


def test_faces_of_another_engine_and_expired_ones_are_left_out(folder: Folder) -> None:
    folder.see(["ada", "ben"], gallery_of("ada", "ben"))
    with folder.stage() as stage, stage.memory.transaction():
        stage.memory._connection.execute("DELETE FROM looks WHERE face = 2")
    folder.use(gallery_of("cleo"))

    report = folder.report("decide")

    assert report["left_out"] == {"whose looks have expired": 1}
    assert report["kinds"]["named → unknown"] == 1
    folder.use(gallery_of("ada", space=DLIB))
    report = folder.report("decide", "--apply")
    assert report["left_out"] == {"of another engine than the gallery's": 2}
    assert folder.csv() == ["ada", "ben"]


def test_identify_keeps_one_person(folder: Folder) -> None:
    folder.see([None, None], gallery_of(), mode="identify")
    folder.use(gallery_of("ada", "ben"))

    folder.run("decide", "--apply")

    with folder.stage() as stage:
        assert [face.name for face in stage.faces()] == ["ada", "ben"]
        video = stage.memory.video_of(1)
        assert video
        # The function's choice among several people, not the order of the faces.
        assert video.decided in {"ada", "ben"}
        assert stage.people() == [video.decided]
    assert folder.csv() == [video.decided]


def test_another_choice_among_the_same_people_is_a_change(folder: Folder) -> None:
    gallery = gallery_of("ada", "ben")
    folder.see(["ada", "ben"], gallery, mode="attendance")
    folder.use(gallery)
    with folder.stage() as stage, stage.memory.transaction():
        stage.memory._connection.execute("UPDATE videos SET mode = 'identify', decided = 'zoe'")

    report = folder.report("decide", "--apply")

    assert (report["changed_videos"], report["another_person"]) == (1, 1)
    assert report["kinds"] == NOTHING
    assert folder.report("decide")["changed_videos"] == 0


def test_an_interruption_halfway_is_made_good_by_the_next_run(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        folder.see(["ada"], gallery_of("ada"), key=f"{number}.mp4")
    folder.use(gallery_of(eve=0))
    monkeypatch.setattr("hybridsphere.memory.kept.PAGE", 2)
    done = 0
    derive = command.Desk.derive

    def interrupted(self: Any) -> int:
        nonlocal done
        done += 1
        if done == 3:
            raise KeyboardInterrupt
        return derive(self)

    with monkeypatch.context() as patch:
        patch.setattr(command.Desk, "derive", interrupted)
        assert folder.run("decide", "--apply").exit_code == 130
    assert folder.report("decide")["changed_videos"] == 1

    folder.run("decide", "--apply")

    assert [folder.csv(f"{number}.mp4") for number in range(5)] == [["eve"]] * 5
    with folder.stage() as stage:
        assert stage.memory.stale() == []


def test_since_leaves_out_earlier_videos(folder: Folder) -> None:
    folder.see(["ada"], gallery_of("ada"))
    folder.use(gallery_of("ben"))

    assert folder.report("decide", "--since", "2026-11-22")["videos"] == 0
    assert folder.report("decide", "--since", "2026-11-21")["videos"] == 1


def test_pages_hold_every_video_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybridsphere.memory.kept.PAGE", 2)
    for number in range(5):
        folder.see(["ada"], gallery_of("ada"), key=f"{number}.mp4")

    with folder.stage() as stage:
        pages = [[one.video.key for one in page] for page in kept_pages(stage.memory)]

    assert pages == [["0.mp4", "1.mp4"], ["2.mp4", "3.mp4"], ["4.mp4"]]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("", "no gallery is named"),
        ("/function/gallery.npz", "/function/gallery.npz: No such file"),
        ("s3://bucket", "HYBRIDSPHERE_GALLERY is 's3://bucket'"),
    ],
)
def test_without_a_gallery_nothing_is_decided(folder: Folder, place: str, reason: str) -> None:
    ended = folder.run("decide", HYBRIDSPHERE_GALLERY=place)

    assert ended.exit_code == 2
    assert reason in ended.stderr


def test_a_gallery_in_s3_is_read(folder: Folder) -> None:
    folder.see(["ada"], gallery_of("ada"))
    folder.use(gallery_of("ben"))
    with moto_account():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="galleries-to-decide-with")
        s3.put_object(
            Bucket="galleries-to-decide-with", Key="a/g.npz", Body=folder.gallery.read_bytes()
        )
        report = folder.report("decide", "--gallery", "s3://galleries-to-decide-with/a/g.npz")
        missing = folder.run("decide", "--gallery", "s3://galleries-to-decide-with/b.npz")
        s3.put_object(Bucket="galleries-to-decide-with", Key="b.npz", Body=b"nonsense")
        broken = folder.run("decide", "--gallery", "s3://galleries-to-decide-with/b.npz")
        s3.close()

    assert report["kinds"]["named → unknown"] == 1
    assert missing.exit_code == broken.exit_code == 2
    assert "s3://galleries-to-decide-with/b.npz is not there" in missing.stderr
    assert "s3://galleries-to-decide-with/b.npz: not a gallery" in broken.stderr


def test_a_memory_without_faces_is_no_error(folder: Folder) -> None:
    folder.use(gallery_of("ada"))

    assert folder.run("decide", "--apply").stdout == (
        "0 of 0 videos change\napplied; 0 answers were derived again\n"
    )
