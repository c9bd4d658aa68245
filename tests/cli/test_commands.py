"""What all commands share: the settings that each reads, and how they end."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from hybridsphere.cli.app import main
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.settings import PREFIX, Settings, variable

PAGE = (Path(__file__).parents[2] / "docs/configuration.md").read_text(encoding="utf-8")


def commands(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    """All commands below a group, by what is typed."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        else:
            yield " ".join([*above, name]), command


def test_the_page_lists_the_variables_of_each_tool() -> None:
    tools = PAGE.partition("## The tools")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z ]+)` \| (.+?) \|$", tools, re.MULTILINE)
    told: dict[str, set[str]] = {}
    for command, names in rows:
        # A command may have several rows.
        told.setdefault(command, set()).update(re.findall(rf"`({PREFIX}\w+)`", names))
    # The page's own variables have a table for themselves.
    own = PAGE.partition("## The page")[2].partition("\n## ")[0]
    told["page"] |= set(re.findall(rf"^\| `({PREFIX}\w+)`", own, re.MULTILINE))
    read = {
        name: {variable(field) for field in fields}
        for name, command in commands(main)
        if (fields := getattr(command.callback, "settings", ()))
    }
    assert told == read


def test_a_command_reads_settings_that_there_are() -> None:
    for name, command in commands(main):
        assert set(getattr(command.callback, "settings", ())) <= set(Settings.model_fields), name


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with an empty ledger."""
    ledger_path(tmp_path).parent.mkdir()
    Ledger.open(tmp_path).close()
    return tmp_path


def environment(results: Path) -> dict[str, str]:
    ours = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    return {**ours, f"{PREFIX}RESULTS_DIR": str(results), f"{PREFIX}HTTP": ""}


@pytest.mark.parametrize(
    "command", ["results export", "results export --format json", "status", "--help", "doctor"]
)
def test_a_reader_that_leaves_is_no_error(results: Path, command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        ended = subprocess.run(
            [sys.executable, "-m", "hybridsphere", *command.split()],
            env=environment(results),
            stdout=nobody,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.parametrize("command", ["results export", "status", "--help"])
@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_stream_is_no_error(results: Path, command: str, closed: int) -> None:
    shell = f'exec "$0" -m hybridsphere {command} {closed}>&-'
    ended = subprocess.run(
        ["sh", "-c", shell, sys.executable],
        env=environment(results),
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert bool(ended.stdout) == (closed == 2)


def test_output_that_cannot_be_written_is_told_once(results: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "hybridsphere", "status"],
            env=environment(results),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert ended.returncode == 2
    (line,) = ended.stderr.decode().splitlines()
    assert line.endswith("No space left on device")


@pytest.mark.parametrize("answer", ["n\n", ""], ids=["no", "nothing"])
def test_what_is_not_confirmed_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    for name in ("INPUT_BUCKET", "OUTPUT_BUCKET"):
        monkeypatch.setenv(f"{PREFIX}{name}", name.lower().replace("_", "-"))
    ended = CliRunner().invoke(main, ["workload", "upload", str(tmp_path), "--clear"], input=answer)
    assert ended.exit_code == 2
    assert "input-bucket and output-bucket?" in ended.stdout
    assert ended.stderr.splitlines()[-1] == "error: not confirmed; nothing was done"


INTERRUPTED = """
import os, signal, sys
from importlib.abc import MetaPathFinder

class CtrlC(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == os.environ["MODULE"]:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                # As a package does that takes all that is raised in it for one thing.
                if "WRAPPED" in os.environ:
                    raise ImportError("half of it is loaded")
                raise

from hybridsphere.__main__ import main
# A shell has whatever it starts in the background ignore it, these tests as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, CtrlC())
main()
"""


@pytest.mark.parametrize(
    "module",
    [
        "click",
        "hybridsphere.cli.app",
        "hybridsphere.settings",
        "pydantic_settings",
        "rich.console",
        "hybridsphere.commands.status",
    ],
)
@pytest.mark.parametrize("wrapped", [{}, {"WRAPPED": "1"}], ids=["bare", "wrapped"])
def test_ctrl_c_during_an_import_prints_no_traceback(
    results: Path, module: str, wrapped: dict[str, str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "status"],
        env={**environment(results), "MODULE": module, **wrapped},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (130, b"", b"")


@pytest.mark.parametrize(
    ("command", "module"), [("bridge", "pydantic_settings"), ("local", "aiobotocore.session")]
)
def test_ctrl_c_ends_a_loading_service_with_0(results: Path, command: str, module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, command],
        env={**environment(results), "MODULE": module},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.parametrize("command", ["results export", "status"])
def test_results_are_found_under_names_that_the_locale_does_not_know(
    tmp_path: Path, command: str
) -> None:
    results = tmp_path / "é"
    ledger_path(results).parent.mkdir(parents=True)
    Ledger.open(results).close()
    ended = subprocess.run(
        [sys.executable, "-m", "hybridsphere", *command.split()],
        env={**environment(results), "LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_ascii_terminal_gets_names_escaped(tmp_path: Path) -> None:
    Gallery(["Ελένη"], np.full((1, 128), 0.1)).save(tmp_path / "known.npz")
    told = {}
    for command in ("gallery show known.npz", "gallery remove known.npz é"):
        ended = subprocess.run(
            [sys.executable, "-m", "hybridsphere", *command.split()],
            cwd=tmp_path,
            env={**environment(tmp_path), "LC_ALL": "C", "PYTHONUTF8": "0"},
            capture_output=True,
            check=False,
        )
        told[ended.returncode] = (ended.stdout + ended.stderr).decode("ascii")
    assert r"\u0395\u03bb\u03ad\u03bd\u03b7" in told[0]
    assert r"error: \xe9: nobody in the gallery" in told[2]


def test_a_restart_for_utf8_runs_no_module_of_the_folder(results: Path) -> None:
    (results / "click.py").write_text("raise SystemExit('hostile')")
    script = results / "hybridsphere"
    script.write_text("from hybridsphere.__main__ import main\nmain()\n")
    ended = subprocess.run(
        [sys.executable, "-P", script, "--version"],
        cwd=results,
        env={**environment(results), "LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
