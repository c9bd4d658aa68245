"""A cold start is that of a process which then answers rightly."""

from pathlib import Path

import pytest

from bench import start
from bench.report.row import FIRST_ANSWER, SECOND_ANSWER, WrongAnswer
from bench.rounds import Rounds
from hybridsphere.host.function import Response


def test_a_start_ends_in_the_first_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    # The function proper as both ways: the usual one takes three seconds more.
    monkeypatch.setattr(start, "HANDLERS", dict.fromkeys(start.HANDLERS, start.HANDLERS["ours"]))
    part = start.measure(rounds=Rounds(1), report=print)
    rows = {row.what: row.ours or 0 for row in part.rows}
    assert 0 < rows["ready for the first event: CPU time"] < rows[FIRST_ANSWER]
    assert 0 < rows[SECOND_ANSWER] < rows[FIRST_ANSWER]
    assert rows["most memory until ready"] <= rows["most memory until the first answer"]


def test_a_handler_that_answers_otherwise_ends_the_measurement() -> None:
    with pytest.raises(WrongAnswer, match="no_face"):
        start.check("ours", Response(b'{"videos": [{"status": "no_face"}]}'))
    start.check("ours", Response(b'{"videos": [{"status": "matched"}]}'))


def test_both_ways_are_handlers_that_there_are() -> None:
    root = Path(start.__file__).parents[1]
    for handler in start.HANDLERS.values():
        module, _, function = handler.rpartition(".")
        source = root / f"{module.replace('.', '/')}.py"
        assert f"def {function}(" in source.read_text()
