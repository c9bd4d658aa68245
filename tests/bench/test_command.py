"""The command: a part alone, its files, and its exit codes."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench import __main__ as command
from bench import cost, parts
from bench.parts import Options
from bench.report.row import (
    CPU_A_MESSAGE,
    FIRST_ANSWER,
    SECOND_ANSWER,
    SOMEBODY_KNOWN,
    Part,
    Row,
    Target,
    WrongAnswer,
)
from bench.rounds import OutOfTime, Rounds

PART = Part("hard", "Hard", "slowly", [Row("small", "ms", 900, 300, target=Target(1.2, "usual"))])


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(command, "OUT", tmp_path / "out")
    return tmp_path / "out"


def test_a_part_alone_is_printed_and_written(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def run(name: str, options: Options) -> Part:
        ran.append(name)
        assert options.messages == 7
        return PART

    monkeypatch.setattr(parts, "run", run)
    done = CliRunner().invoke(command.main, ["hard", "--messages", "7"])
    assert done.exit_code == 0, done.output
    assert ran == ["hard"]
    assert "900 ms" in done.output
    figures = json.loads((out / "bench.json").read_text())
    assert figures["parts"] == [PART.to_json()]
    assert figures["command"] == "python -m bench hard --messages 7"
    assert {"measured_at", "machine", "load"} < set(figures)
    assert (out / "bench.svg").read_text().startswith("<svg")


def test_without_a_name_every_part_runs(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def run(name: str, _: Options) -> Part:
        ran.append(name)
        return PART

    monkeypatch.setattr(parts, "run", run)
    assert CliRunner().invoke(command.main, []).exit_code == 0
    assert ran == list(parts.NAMES)


def test_a_wrong_answer_is_exit_code_1_and_no_figures(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: str, __: Options) -> Part:
        raise WrongAnswer("late: ours says no_face")

    monkeypatch.setattr(parts, "run", run)
    done = CliRunner().invoke(command.main, ["hard"])
    assert done.exit_code == 1
    assert "the ways do not agree: late: ours says no_face" in done.output
    assert list(out.iterdir()) == []


def test_a_part_that_there_is_not_is_a_mistake_of_the_caller() -> None:
    assert CliRunner().invoke(command.main, ["speed"]).exit_code == 2


def test_videos_come_with_their_encodings(tmp_path: Path) -> None:
    assert CliRunner().invoke(command.main, ["--videos", str(tmp_path)]).exit_code == 2


def test_a_part_that_there_is_no_time_for_is_missing_and_the_others_are_not(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str, _: Options) -> Part:
        if name == "gallery":
            raise OutOfTime
        return PART

    monkeypatch.setattr(parts, "run", run)
    done = CliRunner().invoke(command.main, ["gallery", "hard"])
    assert done.exit_code == 0, done.output
    assert "not measured: the time for all parts was over" in done.output
    assert "900 ms" in done.output


def test_what_is_under_way_when_the_time_is_over_is_given_up(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_LONGEST_S", 0.5)
    ended: list[str] = []

    def run(name: str, _: Options) -> Part:
        try:
            signal.pause()
        finally:
            ended.append(name)
        return PART

    monkeypatch.setattr(parts, "run", run)
    done = CliRunner().invoke(command.main, ["idle", "hard"])
    assert done.exit_code == 0, done.output
    # The second is begun with a thousandth of a second left, which may be over before it is there.
    assert ended[0] == "hard"
    rows = [
        row
        for part in json.loads((out / "bench.json").read_text())["parts"]
        for row in part["rows"]
    ]
    assert [(row["what"], row["ours"]) for row in rows] == [("hard", None), ("idle", None)]


def test_no_part_begins_when_the_time_is_over(tmp_path: Path) -> None:
    rounds = Rounds(1, clock=lambda: 10, ends_s=10)
    for name in parts.NAMES:
        with pytest.raises(OutOfTime):
            parts.run(name, Options(tmp_path, None, None, 1, rounds, print))


def test_the_help_tells_every_part() -> None:
    text = CliRunner().invoke(command.main, ["--help"]).output
    assert all(f"{name}  " in text and parts.ABOUT[name] in text for name in parts.NAMES)


def test_the_command_is_kept_without_the_paths_of_this_machine(
    out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(parts, "run", lambda *_: PART)
    (file := tmp_path / "known.npz").touch()
    arguments = ["videos", "--videos", str(tmp_path), "--encodings", str(file), "--rounds", "2"]
    assert CliRunner().invoke(command.main, arguments).exit_code == 0
    kept = json.loads((out / "bench.json").read_text())["command"]
    assert kept == "python -m bench videos --videos DIR --encodings FILE --rounds 2"


def test_a_video_costs_its_seconds_and_a_request() -> None:
    video = cost.Video(cpu_s=0.2, waits_s=0.1, start_s=1.0, cold=0.1)
    assert video.seconds(cost.ONE_CPU_MB) == pytest.approx(0.4)
    # With half a processor work takes twice as long, and waiting as long as ever.
    assert video.seconds(cost.ONE_CPU_MB // 2) == pytest.approx(0.7, rel=0.01)
    assert video.usd(2048, 0.00001) == pytest.approx(2 * 0.4 * 0.00001 + cost.REQUEST_USD)


def run_of(**left_out: str) -> dict[str, Any]:
    """A run with what the calculation needs, but for the row of a part that is left out."""
    figures: dict[str, list[tuple[str, float, float]]] = {
        "videos": [(SOMEBODY_KNOWN, 1000, 50)],
        "start": [(FIRST_ANSWER, 3, 0.55), (SECOND_ANSWER, 1, 0.05)],
        "bridge": [(CPU_A_MESSAGE, 5, 0.5)],
    }
    return {
        "parts": [
            Part(
                name,
                "",
                "",
                [
                    Row(what, "", usual, ours)
                    for what, usual, ours in rows
                    if what != left_out.get(name)
                ],
            ).to_json()
            for name, rows in figures.items()
        ]
    }


def test_a_thousand_videos_are_counted_from_a_run() -> None:
    inputs = cost.Inputs(waits_s=0.1, cold=0, memory_mb=2048, x86_usd=0.00001, arm_usd=0.000005)
    text = cost.markdown(cost.measured(run_of()), inputs)
    # 2 GB for 1.1 s and for 0.15 s, and a request each.
    assert "| usual | 1,000 ms | 2,000 ms | 1,100 ms | 0.022 USD | 0.011 USD |" in text
    assert "| ours | 50 ms | 500 ms | 150 ms | 0.0032 USD | 0.0017 USD |" in text
    assert "3,600,000 videos an hour" in text
    assert "1,000 invocations at once takes 24,000,000 an hour." in text


def test_a_cold_start_is_what_the_first_answer_takes_more_than_the_second() -> None:
    times = cost.measured(run_of())
    assert times["usual start"] == pytest.approx(2)
    assert times["ours start"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("part", "what"),
    [("videos", SOMEBODY_KNOWN), ("start", SECOND_ANSWER), ("bridge", CPU_A_MESSAGE)],
)
def test_a_figure_that_a_run_has_not_is_named_in_a_sentence(
    part: str, what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (file := tmp_path / "bench.json").write_text(json.dumps(run_of(**{part: what})))
    monkeypatch.setattr(cost, "_FILE", file)
    done = CliRunner().invoke(cost.main)
    assert done.exit_code == 1
    assert f"the run has no {what!r} of part {part!r}: `make bench` measures it" in done.output


def test_without_a_run_the_cost_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cost, "_FILE", tmp_path / "bench.json")
    done = CliRunner().invoke(cost.main)
    assert done.exit_code == 1
    assert f"there is no {tmp_path / 'bench.json'}: `make bench` writes it" in done.output
