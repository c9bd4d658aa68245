"""The demo as a whole: the command, its exit code, and what it leaves."""

import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from hybridsphere.cli.app import main
from hybridsphere.demo.options import DemoOptions
from hybridsphere.demo.people import known_people
from hybridsphere.demo.run import _results_folder, run_demo
from hybridsphere.errors import CannotRun
from hybridsphere.messages import STATUSES
from tests.demo.demo_stage import Played, play

FIRST, SECOND, _ = known_people()


def test_a_demo_of_its_own_clips_holds_every_check(played: Played) -> None:
    assert played.exit_code == 0, played.out + played.err
    assert [name for name, check in played.checks.items() if not check["passed"]] == []
    assert len(played.checks) == 11


def test_every_status_that_a_video_can_have_appears(played: Played) -> None:
    found = {result["status"] for result in played.report["results"]}

    assert found == set(STATUSES) - {"failed"}


def test_every_clip_is_compared_with_its_expected_result(played: Played) -> None:
    videos = len(played.report["results"])

    assert f"{videos} compared with what was expected" in played.checks["contents"]["detail"]


def test_the_output_has_a_row_a_video_and_a_line_a_check(played: Played) -> None:
    lines = played.out.splitlines()
    cells = [line.split("\t") for line in lines if "\t" in line][1:]
    assert [row[0] for row in cells] == [result["key"] for result in played.report["results"]]
    people = [";".join(p["name"] for p in result["people"]) for result in played.report["results"]]
    assert [row[2] for row in cells] == people
    for name, check in played.checks.items():
        assert f"✓ {name} {check['detail']}" in lines


def test_the_report_holds_the_messages_as_they_were_sent(played: Played) -> None:
    (message,) = (r for r in played.report["results"] if r["key"] == "lectures/mécanique.mkv")

    # Later fields of the contract follow.
    assert list(message)[:14] == [
        "schema",
        "bucket",
        "key",
        "etag",
        "sequencer",
        "event_time",
        "status",
        "csv",
        "reason",
        "people",
        "started_at",
        "finished_at",
        "output_bucket",
        "output_key",
    ]
    assert message["csv"] == (f"name,major,year,status\r\n{SECOND},history,senior,matched\r\n")


def test_results_go_to_a_new_folder_below_the_current_one(played: Played) -> None:
    assert {path.name for path in played.folder.iterdir()} == {"report.json", "results"}
    for result in played.report["results"]:
        assert (played.results / f"{result['key']}.csv").read_bytes().decode() == result["csv"]


def test_all_that_a_demo_leaves_is_its_owners_alone(played: Played) -> None:
    left = [played.folder / "results", *(played.folder / "results").rglob("*")]
    assert [path for path in left if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


@pytest.fixture(scope="module")
def disappointed(played: Played, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A demo with a reader's own files, of which the mapping expects something else."""
    own = played.own
    folder = tmp_path_factory.mktemp("disappointed")
    (folder / "videos" / "a b").mkdir(parents=True)
    clip = (own / "clips" / "workshop.avi").read_bytes()
    (folder / "videos" / "a b" / "<ü>&.avi").write_bytes(clip)
    (folder / "mapping").write_text("<ü>&.avi:physics,junior\nabsent.mp4:physics,senior\n")
    files = {"encodings": own / "gallery.npz", "students": own / "students.json"}
    named = {"videos": "videos", "mapping": "mapping", "results": "out", "report": "report.json"}
    options = {**files, **named, "workers": "1"}
    return play(folder, *(part for name, value in options.items() for part in (f"--{name}", value)))


def test_another_answer_than_the_mapping_fails_with_one_line(disappointed: Played) -> None:
    assert disappointed.exit_code == 1
    failed = [check for check in disappointed.checks.values() if not check["passed"]]
    assert [check["name"] for check in failed] == ["contents"]
    assert failed[0]["detail"].splitlines()[1:] == [
        "a b/<ü>&.avi: major physics expected, mathematics found"
    ]


def test_the_users_files_replace_those_of_the_demo(
    disappointed: Played,
) -> None:
    (result,) = disappointed.report["results"]

    assert result["key"] == "a b/<ü>&.avi"
    assert [person["name"] for person in result["people"]] == [FIRST]
    assert (disappointed.folder / "out" / "a b" / "<ü>&.avi.csv").exists()
    assert disappointed.checks["concurrency"]["detail"].endswith("1 at once at most, 1 allowed")


BAD_FILES = {
    "encodings": b"no pickle",
    "students": b"[{}]",
    "mapping": b"no colon",
}


@pytest.mark.parametrize("option", BAD_FILES)
def test_an_unusable_file_ends_the_demo_with_2(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.mp4").touch()
    file = tmp_path / option
    file.write_bytes(BAD_FILES[option])

    ended = CliRunner().invoke(main, ["demo", "--videos", str(tmp_path), f"--{option}", str(file)])

    assert ended.exit_code == 2
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert str(file) in line
    # The next demo gets the number.
    assert list((tmp_path / "results" / "demo").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        (["videos"], ["--videos without --encodings"]),
        (["encodings"], ["--encodings without --students"]),
        (["videos", "encodings", "students"], []),
    ],
    ids=" ".join,
)
def test_an_option_that_wants_another_is_noted(
    tmp_path: Path, given: list[str], noted: list[str]
) -> None:
    # The mapping cannot be used, so the demo ends after the notes.
    options = {name: tmp_path / name for name in given}
    (tmp_path / "mapping").write_text("no colon")
    for name, path in options.items():
        path.mkdir() if name == "videos" else path.touch()
    options["mapping"] = tmp_path / "mapping"
    ended = CliRunner().invoke(
        main,
        ["demo", *(str(part) for name, path in options.items() for part in (f"--{name}", path))],
    )
    notes = [line for line in ended.stderr.splitlines() if line.startswith("note: ")]
    assert [note.split(": ")[1] for note in notes] == noted
    assert "mapping:1: 'no colon'" in ended.stderr


def test_a_folder_without_videos_cannot_be_played(tmp_path: Path) -> None:
    gallery = tmp_path / "gallery.npz"
    with zipfile.ZipFile(gallery, "w"):
        pass
    (tmp_path / "empty").mkdir()
    options = DemoOptions(
        videos=tmp_path / "empty", encodings=gallery, results=tmp_path / "results"
    )

    with pytest.raises(CannotRun, match="empty holds no file"):
        run_demo(options)


def test_an_unwritable_report_is_refused_before_the_demo(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match=r"--report .*: this is a folder"):
        run_demo(DemoOptions(report=tmp_path))
    with pytest.raises(CannotRun, match=r"--report .*: there is no such folder"):
        run_demo(DemoOptions(report=tmp_path / "nowhere" / "report.json"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_report_in_a_read_only_folder_is_refused_first(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CannotRun, match="nothing can be written"):
        run_demo(DemoOptions(report=tmp_path / "report.json"))


def test_each_demo_gets_a_new_folder_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert [_results_folder(None) for _ in range(2)] == [
        Path("results/demo/1"),
        Path("results/demo/2"),
    ]
    assert _results_folder(tmp_path / "new") == tmp_path / "new"


def test_a_named_folder_may_only_hold_an_earlier_demo(tmp_path: Path) -> None:
    (tmp_path / "ledger").touch()
    with pytest.raises(CannotRun, match="name another folder"):
        _results_folder(tmp_path)

    with pytest.raises(CannotRun, match="this is a file: name a folder"):
        _results_folder(tmp_path / "ledger")

    (tmp_path / "_hybridsphere" / "demo").mkdir(parents=True)
    assert _results_folder(tmp_path) == tmp_path


def test_sigterm_ends_a_demo_and_all_that_it_started(played: Played, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "x.mp4").touch()
    log = tmp_path / "out" / "_hybridsphere" / "demo" / "bridge.log"
    options = [
        "--videos",
        "videos",
        "--results",
        "out",
        "--encodings",
        str(played.own / "gallery.npz"),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "hybridsphere", "demo", *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # With a process group of its own, the test can ask for what is left of it.
        start_new_session=True,
    ) as demo:
        while not log.exists():
            assert demo.poll() is None
            time.sleep(0.02)
        demo.send_signal(signal.SIGTERM)
        output, _ = demo.communicate(timeout=60)

    assert demo.returncode == 2
    assert output.splitlines()[-1] == b"error: interrupted"
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)
