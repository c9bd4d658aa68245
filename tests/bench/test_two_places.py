"""A run in two places counts only if each upload has one result."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.report.row import WrongAnswer
from bench.two_places import Run
from tests.memory.judge_stage import Stage, result_of


def test_a_run_is_timed_from_the_first_event_to_the_last_result(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        for number, place in enumerate(("home", "lambda", "home")):
            one = result_of(["ada"], f"{number:04}-a.mp4")
            with stage.ledger.transaction():
                stage.ledger.put_result(
                    replace(one, place=place), f"2026-11-22T00:00:0{number}.000Z"
                )
    run = Run.of(tmp_path, 3)
    assert run.seconds == 2.0
    assert run.answers == {("a.mp4", "matched"): 3}
    assert run.places == {"home": 2, "lambda": 1}
    with pytest.raises(WrongAnswer, match="3 results of 4 uploads"):
        Run.of(tmp_path, 4)
