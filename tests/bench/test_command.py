"""The command: a part alone, its files, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench import __main__ as command
from bench import cost, parts
from bench.parts import Options
from bench.row import Part, Row, Target, WrongAnswer

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


def test_a_video_costs_its_seconds_and_a_request() -> None:
    video = cost.Video(cpu_s=0.2, waits_s=0.1, start_s=1.0, cold=0.1)
    assert video.seconds(cost.ONE_CPU_MB) == pytest.approx(0.4)
    # With half a processor work takes twice as long, and waiting as long as ever.
    assert video.seconds(cost.ONE_CPU_MB // 2) == pytest.approx(0.7, rel=0.01)
    assert video.usd(2048, 0.00001) == pytest.approx(2 * 0.4 * 0.00001 + cost.REQUEST_USD)


def test_a_thousand_videos_are_counted_from_a_run() -> None:
    def part(name: str, what: str, usual: float, ours: float) -> dict[str, Any]:
        return Part(name, "", "", [Row(what, "", usual, ours)]).to_json()

    run = {
        "parts": [
            part("videos", "somebody known, on average", 1000, 50),
            part("start", "ready for the first event: CPU time", 2, 0.5),
            part("bridge", "CPU a message", 5, 0.5),
        ]
    }
    inputs = cost.Inputs(waits_s=0.1, cold=0, memory_mb=2048, x86_usd=0.00001, arm_usd=0.000005)
    text = cost.markdown(cost.measured(run), inputs)
    # 2 GB for 1.1 s and for 0.15 s, and a request each.
    assert "| usual | 1000 ms | 1100 ms | 0.0222 USD | 0.0112 USD |" in text
    assert "| ours | 50 ms | 150 ms | 0.0032 USD | 0.0017 USD |" in text
    assert "3,600,000 videos an hour" in text
