import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted((ROOT / "deploy/systemd").glob("*.sh"))


def test_install_takes_only_files_that_the_tree_has() -> None:
    text = (ROOT / "deploy/systemd/install.sh").read_text()
    unit = re.search(r"^unit=(.*)$", text, re.MULTILINE)
    assert unit
    page = re.search(r"^page=(.*)$", text, re.MULTILINE)
    assert page
    named = text.replace("$unit", unit[1]).replace("$page", page[1])
    taken = re.findall(r'"\$tree/(deploy/[^"]+)"', named)
    assert "deploy/systemd/hybridsphere-page.service" in taken
    assert "deploy/systemd/hybridsphere-bridge.service" in taken
    assert [path for path in taken if not (ROOT / path).is_file()] == []


def test_install_takes_everything_by_hash_even_what_builds_the_bridge() -> None:
    text = (ROOT / "deploy/systemd/install.sh").read_text().replace("\\\n", "")
    *pinned, bridge = re.findall(r"/pip\" install (.*)", text)
    assert pinned
    assert [command for command in pinned if "--require-hashes" not in command] == []
    assert {"--no-deps", "--no-build-isolation"} < set(bridge.split())


def test_the_pinned_build_backend_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (wanted,) = map(Requirement, project["build-system"]["requires"])
    pins = (ROOT / "deploy/requirements/build.txt").read_text()
    (pinned,) = re.findall(r"^setuptools==([^ ]+) ", pins, re.MULTILINE)
    assert wanted.name == "setuptools"
    assert pinned in wanted.specifier


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)


def test_the_operators_command_has_the_variables_of_the_service() -> None:
    unit = (ROOT / "deploy/systemd/hybridsphere-bridge.service").read_text()
    command = (ROOT / "deploy/systemd/hybridsphere.sh").read_text()
    for line in ("HYBRIDSPHERE_RESULTS_DIR=.*", "AWS_EC2_METADATA_DISABLED=.*"):
        (setting,) = re.findall(f"^Environment=({line})$", unit, re.MULTILINE)
        assert f"--setenv={setting} " in command
    for name in ("DynamicUser", "User", "StateDirectory", "StateDirectoryMode", "UMask"):
        (setting,) = re.findall(f"^({name}=.*)$", unit, re.MULTILINE)
        assert f"--property={setting} " in command


def test_the_operators_command_resolves_relative_paths_in_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "bridge.env").touch()
    (tmp_path / "my students.csv").touch()
    (tmp_path / "load").touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    # The script runs as root, and calls systemd-run: these stand in for both.
    for name, text in {"id": "echo 0", "systemd-run": "printf '%s\\n' \"$@\""}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    script = (ROOT / "deploy/systemd/hybridsphere.sh").read_text()
    script = script.replace("configuration=/etc/hybridsphere", f"configuration='{tmp_path}'")
    options = ["students", "load", "my students.csv", "--mapping=x.txt", "/etc/hostname"]
    done = subprocess.run(
        ["sh", "-c", script, "hybridsphere", *options],
        cwd=tmp_path,
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    command = lines[lines.index("/opt/hybridsphere/bin/hybridsphere") + 1 :]
    # A file with the name of a command is not an argument.
    assert command == [
        "students",
        "load",
        f"{tmp_path}/my students.csv",
        "--mapping=x.txt",
        "/etc/hostname",
    ]
    assert f"--property=WorkingDirectory=-{tmp_path}" in lines
