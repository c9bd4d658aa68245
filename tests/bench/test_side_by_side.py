"""Both ways are held to the same work before their figures are compared."""

import sys
from pathlib import Path

import pytest

from bench import videos
from bench.answer import Answer
from bench.row import WrongAnswer
from lambda_fn.gallery import Gallery

if sys.platform != "linux":
    pytest.skip("cores are bound as Linux does it", allow_module_level=True)

from bench import bridge
from bench.bridge_checks import check_files, check_queues
from bench.double_process import BridgeFailed
from bench.uploads import csv, record

UPLOADS = 30


@pytest.mark.parametrize("way", [bridge.USUAL, bridge.OURS], ids=["usual", "ours"])
def test_a_bridge_is_measured_by_work_it_has_done(way: list[str], tmp_path: Path) -> None:
    run = bridge.run_bridge(way, tmp_path, UPLOADS)
    assert run.messages == UPLOADS
    assert run.seconds > 0
    assert list(tmp_path.iterdir()) == []


def test_a_bridge_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(BridgeFailed, match=r"exit status 1\n(.|\n)*no such luck"):
        bridge.run_bridge(["-c", "raise SystemExit('no such luck')"], tmp_path, UPLOADS)


def test_a_missing_file_is_no_result(tmp_path: Path) -> None:
    files = [tmp_path / f"{record(number).key}.csv" for number in range(3)]
    for number, file in enumerate(files):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(csv(number).encode())
    check_files(tmp_path, 3)
    files[1].unlink()
    with pytest.raises(WrongAnswer, match="000001"):
        check_files(tmp_path, 3)


def test_a_message_received_twice_is_no_equal_work() -> None:
    once = {"visible": 0, "in_flight": 0, "received": 3, "deleted": 3, "waiting": 2}
    check_queues({"invoked": 3, "input": once, "output": once}, 3)
    with pytest.raises(WrongAnswer, match="input queue"):
        check_queues({"invoked": 3, "input": {**once, "received": 4}, "output": once}, 3)


def test_files_that_are_no_videos_are_compared_but_not_timed(tmp_path: Path) -> None:
    sample = videos.given_sample(*_no_videos(tmp_path))
    part = videos.measure(sample, rounds=1, report=print)
    assert part.rows == []
    assert "The same answers to all 2 files." in part.notes


def test_an_unexpected_answer_ends_the_measurement(tmp_path: Path) -> None:
    given = videos.given_sample(*_no_videos(tmp_path))
    expected = {"notes.mp4": Answer("known", "ada")}
    with pytest.raises(WrongAnswer, match=r"notes\.mp4.*ada"):
        videos.measure(videos.Sample(given.videos, given.gallery, expected), rounds=1, report=print)


def _no_videos(folder: Path) -> tuple[Path, Path]:
    gallery = folder / "gallery.npz"
    Gallery.empty().save(gallery)
    files = folder / "videos"
    files.mkdir()
    (files / "notes.mp4").write_text("no video")
    (files / "empty.mp4").touch()
    return files, gallery
