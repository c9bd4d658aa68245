"""Lines of the log, as machines read them and at a terminal."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hybridsphere.bridge.telemetry.logs import LONGEST_TEXT
from tests.bridge.bridge_stage import MakeQueue, RealFunction
from tests.bridge.service_stage import enter
from tests.bridge_process import started
from tests.leaks import SECRET, found_in
from tests.samples import BUCKET

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202egpj.mp4\n{}\u2028"
"""A key that sets a terminal's title, clears it, turns its text around, and ends the line."""

Told = Callable[..., str]


@pytest.fixture
def written() -> Told:
    """Run statements after the log's set-up, and return their output to a pipe."""

    def run(statements: str) -> str:
        return subprocess.run(
            program(statements), check=True, capture_output=True, text=True
        ).stderr

    return run


@pytest.fixture
def shown() -> Told:
    """Run statements after the log's set-up, and return their output to a terminal."""

    def run(statements: str) -> str:
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            process = subprocess.Popen(program(statements), stderr=theirs)
            os.close(theirs)
            text = b"".join(iter(lambda: read(terminal), b""))
            assert process.wait() == 0
        return text.decode()

    return run


def read(terminal: Any) -> bytes:
    try:
        return bytes(terminal.read(65536))
    except OSError:  # nobody writes to it any more
        return b""


def program(statements: str) -> list[str]:
    begin = "import structlog\nfrom hybridsphere.bridge.telemetry import logs\nlogs.configure()\n"
    return [sys.executable, "-c", f"{begin}log = structlog.get_logger()\n{statements}"]


def failing(error: str) -> str:
    return (
        f"def fail(password):\n    raise ValueError({error!r})\n"
        f"try:\n    fail({SECRET!r})\n"
        "except ValueError:\n    log.exception('message.unhandled')"
    )


def test_a_line_is_json_and_begins_with_when_how_bad_and_what(written: Told) -> None:
    line = json.loads(written("log.info('event.invoked', key='ü.mp4')"))
    assert list(line) == ["timestamp", "level", "event", "key"]
    assert (line["level"], line["event"], line["key"]) == ("info", "event.invoked", "ü.mp4")


def test_lines_of_a_loop_come_in_order_and_all(written: Told) -> None:
    text = written(
        "import asyncio\nasync def main():\n    for n in range(250):\n        log.info('a', n=n)\n"
        "    await asyncio.to_thread(log.info, 'of a thread')\n    log.info('a', n=250)\n"
        "asyncio.run(main())\nlogs.flush()"
    )
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["n"] for line in lines if "n" in line] == list(range(251))
    assert len(lines) == 252


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_is_utf8_whatever_the_locale(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    ended = subprocess.run(
        program("log.info('event.invoked', key='é\\udcff→.mp4')"), check=True, capture_output=True
    )
    assert json.loads(ended.stderr.decode("utf-8"))["key"] == "é\udcff→.mp4"


def test_a_hostile_key_is_escaped_in_json_and_reads_back(written: Told) -> None:
    text = written(f"log.info('event.invoked', key={HOSTILE!r})")
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert json.loads(text)["key"] == HOSTILE


def test_a_hostile_key_is_escaped_at_a_terminal(shown: Told) -> None:
    # structlog itself shows a text with blanks and line ends as Python would, and no other.
    for key in (HOSTILE, HOSTILE.replace("\n", "")):
        text = shown(f"log.info('event.invoked', key={key!r})")
        assert r"\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202egpj.mp4" in text
        assert "\x1b]" not in text
        assert text.count("\n") == 1


def test_an_error_is_escaped_at_a_terminal_and_shows_no_variables(shown: Told) -> None:
    text = shown(failing(HOSTILE))
    assert "in fail" in text
    assert r"ValueError: \x1b]0;owned\x07" in text
    assert "\x1b]" not in text
    assert found_in(text.replace(f"fail({SECRET!r})", "")) == []


def test_an_error_in_json_shows_no_variables(written: Told) -> None:
    [error] = json.loads(written(failing(HOSTILE)))["exception"]
    assert error["exc_value"] == HOSTILE.splitlines()[0]
    assert SECRET not in json.dumps(error)


@pytest.mark.parametrize("how", ["written", "shown"])
def test_a_key_of_400_kb_is_cut(request: pytest.FixtureRequest, how: str) -> None:
    run: Told = request.getfixturevalue(how)
    text = run("log.info('event.invoked', key='k' * 400_000, people=['n' * 400_000])")
    assert "k" * LONGEST_TEXT + "… (400000 characters)" in text
    assert len(text) < 3 * LONGEST_TEXT


@pytest.mark.parametrize("how", ["written", "shown"])
def test_an_error_of_400_kb_is_cut(request: pytest.FixtureRequest, how: str) -> None:
    run: Told = request.getfixturevalue(how)
    text = run(failing("x" * 400_000).replace(repr("x" * 400_000), "'x' * 400_000"))
    assert len(text) < 3 * LONGEST_TEXT


def test_a_warning_of_a_library_is_a_line_like_any_other(written: Told) -> None:
    line = json.loads(
        written(
            f"import logging\nlogging.getLogger('asyncio').warning('slow: %s', {HOSTILE!r})\n"
            "logging.getLogger('asyncio').info('never mind')"
        )
    )
    assert (line["level"], line["event"], line["logger"]) == (
        "warning",
        "library.message",
        "asyncio",
    )
    # Below, asyncio and others quote what may be secret.
    assert line["message"] == f"slow: {HOSTILE.splitlines()[0]}"


@pytest.mark.asyncio(loop_scope="session")
async def test_with_every_logger_at_debug_no_request_is_written(
    *,
    moto: str,
    make_queue: MakeQueue,
    start_function: Callable[[], Awaitable[RealFunction]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Somebody's own logging set-up, as a sitecustomize may have it."""
    outputs = await make_queue()
    names = {"SOURCE": "direct", "INPUT_BUCKET": BUCKET, "OUTPUT_QUEUE_URL": outputs.url}
    folder = str(tmp_path / "results")
    enter(monkeypatch, moto, await start_function(), **names, RESULTS_DIR=folder)
    log = tmp_path / "everything.log"
    statements = (
        "import logging, sys\n"
        "logging.basicConfig(level=logging.DEBUG, filename=sys.argv.pop())\n"
        "logging.getLogger('somebody').debug('everything is written down')\n"
        "from hybridsphere.cli.app import main\n"
        "main(['bridge'])"
    )
    async with started(["-c", statements, "bridge", str(log)]) as bridge:
        await outputs.send("no result")
        await bridge.seen("message.rejected")
        assert await bridge.stop() == 0
    assert "everything is written down" in log.read_text()
    assert "botocore" not in log.read_text()
    assert found_in(log.read_text()) == []
