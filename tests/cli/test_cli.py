"""The command: what it says, what it loads, and how it ends."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from hybridsphere import __version__
from hybridsphere.cli.app import main
from hybridsphere.cli.options import STATUS
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import STATUSES
from tests.samples import result

COMMANDS = [
    ("bridge",),
    ("demo",),
    ("local",),
    ("workload", "upload"),
    ("workload", "check"),
    ("gallery", "import"),
    ("enroll",),
    ("students", "load"),
    ("results", "export"),
    ("status",),
    ("doctor",),
]


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    """Runs the command in an empty folder, with nothing in the environment."""
    for name in list(os.environ):
        if name.startswith(("HYBRIDSPHERE_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return CliRunner()


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("bridge", "--help")])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    program = (
        "import json, sys; from hybridsphere.cli.app import main;"
        f"main({list(arguments)!r}, standalone_mode=False);"
        "print(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = set(json.loads(answer.stdout.splitlines()[-1]))
    allowed = {"click", "hybridsphere"}
    # Some are loaded by the interpreter itself, for editable installations.
    idle = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    allowed |= {name.partition(".")[0] for name in idle.stdout.split()}
    assert loaded - allowed - sys.stdlib_module_names == set()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(runner: CliRunner, command: tuple[str, ...]) -> None:
    answer = runner.invoke(main, [*command, "--help"])
    assert answer.exit_code == 0
    assert f"Usage: main {' '.join(command)}" in answer.stdout


@pytest.mark.parametrize("group", [(), ("workload",), ("gallery",)], ids=" ".join)
def test_no_summary_of_a_command_is_cut(runner: CliRunner, group: tuple[str, ...]) -> None:
    answer = runner.invoke(main, [*group, "--help"], terminal_width=80)
    usage, _, rest = answer.stdout.partition("Options:")
    assert "[OPTIONS] COMMAND" in usage
    assert rest
    assert "..." not in rest


def test_the_module_is_the_command() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "hybridsphere", "--version"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert answer.stdout == f"hybridsphere, version {__version__}\n"


@pytest.mark.parametrize(
    ("command", "name"), [("bridge", "HYBRIDSPHERE_MAX_IN_FLIGHT"), ("status", "HYBRIDSPHERE_HTTP")]
)
def test_a_wrong_variable_ends_a_command_with_two(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    monkeypatch.setenv(name, "none")
    answer = runner.invoke(main, [command])
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: ")
    assert f"{name} is 'none'" in " ".join(answer.stderr.split())


@pytest.mark.parametrize("command", [["results", "export"], ["status"]], ids=" ".join)
def test_an_unneeded_variable_does_not_stop_a_command(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]
) -> None:
    ledger_path(tmp_path / "results").parent.mkdir(parents=True)
    Ledger.open(tmp_path / "results").close()
    monkeypatch.setenv("HYBRIDSPHERE_HTTP", "")
    monkeypatch.setenv("HYBRIDSPHERE_SOURCE", "mail")
    monkeypatch.setenv("HYBRIDSPHERE_INPUT_BUCKET", "s3://bucket")
    assert runner.invoke(main, command).exit_code == 0


def test_a_bridge_without_configuration_names_what_is_missing(runner: CliRunner) -> None:
    answer = runner.invoke(main, ["bridge"])
    assert answer.exit_code == 2
    error, *details, hint = answer.stderr.splitlines()
    assert error == "error: the configuration cannot work"
    assert [detail.split()[0] for detail in details] == [
        "HYBRIDSPHERE_INPUT_BUCKET",
        "HYBRIDSPHERE_FUNCTION_NAME",
        "HYBRIDSPHERE_INPUT_QUEUE_URL",
        "HYBRIDSPHERE_OUTPUT_QUEUE_URL",
    ]
    assert hint == "hint: docs/configuration.md describes every variable"


@pytest.mark.parametrize("command", [["results", "export"], ["status"]])
def test_a_damaged_ledger_is_an_error_with_a_hint(runner: CliRunner, command: list[str]) -> None:
    path = ledger_path(Path("results"))
    path.parent.mkdir(parents=True)
    Ledger.open(Path("results")).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096].ljust(len(whole), b"\0"))
    answer = runner.invoke(main, command)
    assert answer.exit_code == 2
    error, hint = answer.stderr.splitlines()
    assert error.startswith(f"error: {path} cannot be read: it is damaged")
    assert hint.startswith("hint: stop what uses it and move")


@pytest.mark.parametrize("command", [["results", "export"], ["status"]])
def test_without_a_ledger_the_folder_is_named(runner: CliRunner, command: list[str]) -> None:
    answer = runner.invoke(main, command)
    assert answer.exit_code == 2
    error, hint = answer.stderr.splitlines()
    assert error.startswith("error: no ledger at ")
    assert hint == "hint: set HYBRIDSPHERE_RESULTS_DIR to the bridge's folder"


@pytest.mark.parametrize("command", [["results", "export"], ["status"]])
def test_another_file_in_the_ledgers_place_is_an_error_with_a_hint(
    runner: CliRunner, tmp_path: Path, command: list[str]
) -> None:
    path = ledger_path(tmp_path / "results")
    path.parent.mkdir(parents=True)
    path.write_text("nothing SQLite would know" * 50)
    answer = runner.invoke(main, command)
    assert answer.exit_code == 2
    error, hint = answer.stderr.splitlines()
    assert str(Path("results/_hybridsphere/ledger.sqlite3")) in error
    assert hint.startswith("hint: stop what uses it and move")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_ledger_is_exported_to_standard_output(
    runner: CliRunner, tmp_path: Path, form: str
) -> None:
    ledger_path(tmp_path / "results").parent.mkdir(parents=True)
    with Ledger.open(tmp_path / "results") as ledger, ledger.transaction():
        ledger.put_result(result("ü b.mp4"), "2026-11-21T00:00:03.000Z")
    answer = runner.invoke(main, ["results", "export", "--format", form])
    assert answer.exit_code == 0
    assert answer.stderr == ""
    assert "ü b.mp4" in answer.stdout
    assert "president_trump" in answer.stdout
    if form == "json":
        (row,) = json.loads(answer.stdout)
        assert row["status"] == "matched"


PERIODS = [
    (["--since", "2026-11-21"], ["second", "third"]),
    (["--since", "2026-11-21T00:00:00.001"], ["third"]),
    (["--since", "2026-11-21T09:00+09:00"], ["second", "third"]),
    (["--until", "2026-11-20"], ["first"]),
    (["--until", "2026-11-21T00:00"], ["first"]),
    (["--until", "20261121"], ["first", "second", "third"]),
    (["--since", "2026-11-21", "--until", "2026-11-21"], ["second", "third"]),
    (["--since", "2026-11-22"], []),
]


@pytest.mark.parametrize(("options", "keys"), PERIODS, ids=" ".join)
def test_an_export_is_of_a_period(
    runner: CliRunner, tmp_path: Path, options: list[str], keys: list[str]
) -> None:
    ledger_path(tmp_path / "results").parent.mkdir(parents=True)
    with Ledger.open(tmp_path / "results") as ledger, ledger.transaction():
        ledger.put_result(result("first"), "2026-11-20T23:59:59.999Z")
        ledger.put_result(result("second"), "2026-11-21T00:00:00.000Z")
        ledger.put_result(result("third"), "2026-11-21T23:59:59.999Z")
    answer = runner.invoke(main, ["results", "export", "--format", "json", *options])
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert [row["key"] for row in json.loads(answer.stdout)] == keys


def test_a_selection_is_exported(runner: CliRunner, tmp_path: Path) -> None:
    ledger_path(tmp_path / "results").parent.mkdir(parents=True)
    with Ledger.open(tmp_path / "results") as ledger, ledger.transaction():
        ledger.put_result(result("known.mp4"), "2026-11-21T00:00:03.000Z")
        ledger.put_result(result("x.mp4", people=(), status="no_face"), "2026-11-21T00:00:03.000Z")
        ledger.put_result(result("y.mp4", people=(), status="failed"), "2026-11-21T00:00:03.000Z")
    export = ["results", "export", "--format", "json", "--rows", "people"]
    answer = runner.invoke(main, [*export, "--person", "president_trump"])
    (row,) = json.loads(answer.stdout)
    assert (row["key"], row["distance"], row["at_s"]) == ("known.mp4", 0.372, 0.0)
    answer = runner.invoke(main, [*export, "--status", "no_face", "--status", "failed"])
    assert [row["key"] for row in json.loads(answer.stdout)] == ["x.mp4", "y.mp4"]


def test_a_workbook_is_exported_to_standard_output(runner: CliRunner, tmp_path: Path) -> None:
    ledger_path(tmp_path / "results").parent.mkdir(parents=True)
    with Ledger.open(tmp_path / "results") as ledger, ledger.transaction():
        ledger.put_result(result("ü b.mp4"), "2026-11-21T00:00:03.000Z")
    answer = runner.invoke(main, ["results", "export", "--format", "xlsx"])
    assert (answer.exit_code, answer.stderr) == (0, "")
    with ZipFile(io.BytesIO(answer.stdout_bytes)) as book:
        assert "ü b.mp4" in book.read("xl/worksheets/sheet1.xml").decode()


def test_the_statuses_to_choose_from_are_those_of_results() -> None:
    assert tuple(STATUS.choices) == STATUSES


@pytest.mark.parametrize("command", [["demo"], ["results", "export"]], ids=" ".join)
def test_the_lines_of_a_list_stay_lines(runner: CliRunner, command: list[str]) -> None:
    answer = runner.invoke(main, [*command, "--help"], terminal_width=80)
    lines = answer.stdout.splitlines()
    assert r"\b" not in answer.stdout
    assert sum(line.startswith("  --") for line in lines) >= 8
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    "command",
    [
        ["nothing"],
        ["bridge", "now"],
        ["results", "export", "--format", "xml"],
        ["results", "export", "--since", "yesterday"],
        ["results", "export", "--until", "9999-12-31"],
        ["results", "export", "--status", "well"],
        ["gallery", "rename", "nowhere", "ada"],
        ["workload", "upload", "nowhere"],
        ["demo", "--videos", "nowhere"],
        ["local", "--workers", "0"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_ends_with_an_error_and_a_hint(
    runner: CliRunner, command: list[str]
) -> None:
    answer = runner.invoke(main, command)
    assert (answer.exit_code, answer.stdout) == (2, "")
    error, hint = answer.stderr.splitlines()
    assert error.startswith("error: ")
    assert re.fullmatch(r"hint: `[a-z ]+ --help` lists its (commands|options)", hint)


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        ("--source", "queue|bucket|direct"),
        ("--sink", "queue|bucket"),
        ("--mode", "identify|attendance"),
    ],
)
def test_the_demo_tells_what_can_be_chosen(runner: CliRunner, option: str, choices: str) -> None:
    assert f"{option} [{choices}]" in runner.invoke(main, ["demo", "--help"]).stdout
    assert runner.invoke(main, ["demo", option, "nothing"]).exit_code == 2


@pytest.mark.parametrize(
    ("option", "old", "new"), [("--source", "none", "direct"), ("--sink", "mirror", "bucket")]
)
def test_an_old_value_of_an_option_is_refused_with_its_new_name(
    runner: CliRunner, option: str, old: str, new: str
) -> None:
    answer = runner.invoke(main, ["demo", option, old])
    assert answer.exit_code == 2
    assert f"'{old}' is called '{new}' now" in answer.stderr


def test_status_of_a_silent_bridge_ends_with_one(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    ledger_path(tmp_path / "results").parent.mkdir(parents=True)
    Ledger.open(tmp_path / "results").close()
    monkeypatch.setenv("HYBRIDSPHERE_HTTP", silent)
    answer = runner.invoke(main, ["status"])
    assert answer.exit_code == 1
    assert "does not answer" in answer.stdout
    monkeypatch.setenv("HYBRIDSPHERE_HTTP", "")
    assert runner.invoke(main, ["status"]).exit_code == 0


@pytest.fixture(
    params=[{"PYTHONIOENCODING": "ascii"}, {"PYTHONUTF8": "0"}], ids=["ASCII out", "ASCII"]
)
def ascii_only(tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """An environment whose terminal takes ASCII only, with a ledger that has more in it."""
    ledger_path(tmp_path / "results").parent.mkdir(parents=True)
    with Ledger.open(tmp_path / "results") as ledger, ledger.transaction():
        for one in (result("ü b.mp4"), result("ß.mp4", status="failed", reason="→")):
            ledger.put_result(one, "2026-11-21T00:00:03.000Z")
    ours = {name: text for name, text in os.environ.items() if not name.startswith("HYBRIDSPHERE")}
    return {**ours, "LC_ALL": "C", **request.param, "HYBRIDSPHERE_HTTP": ""}


def run(folder: Path, environment: dict[str, str], *command: str) -> bytes:
    """What a command that does its work prints."""
    return subprocess.run(
        [sys.executable, "-m", "hybridsphere", *command],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    ).stdout


def test_an_ascii_terminal_gets_other_characters_escaped(
    ascii_only: dict[str, str], tmp_path: Path
) -> None:
    assert rb"\xdf.mp4: \u2192" in run(tmp_path, ascii_only, "status")


def test_an_export_is_utf8_whatever_the_terminal_takes(
    ascii_only: dict[str, str], tmp_path: Path
) -> None:
    for form in ("csv", "json"):
        told = run(tmp_path, ascii_only, "results", "export", "--format", form).decode()
        assert "ü b.mp4" in told
