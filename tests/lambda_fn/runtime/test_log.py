"""The function's log: a line an event, and nothing that a log may not hold."""

import json
import logging

import pytest

from lambda_fn.runtime.log import log
from tests.lambda_fn.function_stage import ClipMaker, LogLines, Portrait, Stage
from tests.leaks import found_in


def test_with_every_logger_at_debug_no_request_and_no_embedding_is_written(
    *,
    stage: Stage,
    make_clip: ClipMaker,
    portrait: Portrait,
    caplog: pytest.LogCaptureFixture,
    log_lines: LogLines,
) -> None:
    """As Lambda's own log level sets them, where an operator asks for DEBUG."""
    caplog.set_level(logging.DEBUG)
    stage.run(stage.upload("ada.mp4", make_clip(portrait("ada"))))
    assert [line["event"] for line in log_lines()] == ["video.finished"]
    assert not [record for record in caplog.records if record.name.startswith("boto")]
    assert found_in(caplog.text) == []


def test_a_hostile_key_is_escaped_and_a_long_one_cut(capsys: pytest.CaptureFixture[str]) -> None:
    log("video.finished", key="\x1b]0;owned\x07\x9b\n", version="v" * 200_000)
    text = capsys.readouterr().out
    assert text[:-1].isprintable()
    assert json.loads(text)["key"] == "\x1b]0;owned\x07\x9b\n"
    assert len(text) < 3000
