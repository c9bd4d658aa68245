import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hybridsphere.settings import Settings

UNIT = Path(__file__).parents[3] / "deploy/systemd/hybridsphere-bridge.service"

PAGE = UNIT.with_name("hybridsphere-page.service")

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def values(name: str) -> list[str]:
    """Every value that the unit gives a directive, in order."""
    lines = (line.partition("=") for line in UNIT.read_text().splitlines())
    return [value for key, _, value in lines if key == name]


def seconds(span: str) -> int:
    return int(span.removesuffix("s"))


def complaints(folder: Path, unit: str) -> tuple[int, str]:
    """Return systemd's exit status and complaints about a unit.

    No other unit of the machine is read: systemd would complain about those too.
    """
    needed_by_all = {"basic.target", "shutdown.target", "sysinit.target"}
    for target in needed_by_all.union(re.findall(r"[\w-]+\.target", unit)):
        (folder / target).write_text("[Unit]\n")
    # systemd checks that the program exists; any will do.
    unit = unit.replace("/opt/hybridsphere/bin/hybridsphere", sys.executable)
    (folder / UNIT.name).write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", folder / UNIT.name],
        env={**os.environ, "SYSTEMD_UNIT_PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@needs_systemd
@pytest.mark.parametrize("unit", [UNIT, PAGE], ids=lambda unit: unit.name)
def test_systemd_finds_nothing_to_complain_about(tmp_path: Path, unit: Path) -> None:
    assert complaints(tmp_path, unit.read_text()) == (0, "")


def test_the_page_has_the_bridge_s_sandbox_and_folder() -> None:
    bridge, page = (
        [line for line in unit.read_text().splitlines() if "=" in line] for unit in (UNIT, PAGE)
    )
    shared = bridge.index("CapabilityBoundingSet=")
    assert bridge[shared:] == page[page.index("CapabilityBoundingSet=") :]
    for name in ("DynamicUser", "User", "StateDirectory", "StateDirectoryMode", "UMask"):
        (line,) = (line for line in bridge if line.startswith(f"{name}="))
        assert line in page


@needs_systemd
def test_systemd_complains_about_an_unknown_key(tmp_path: Path) -> None:
    _, said = complaints(tmp_path, UNIT.read_text().replace("WatchdogSec=", "WatchdogSeconds="))
    assert "'WatchdogSeconds'" in said


@needs_systemd
def test_the_sandbox_scores_two_or_better() -> None:
    # The threshold is in tenths.
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr


def test_systemd_waits_for_readiness_and_watches() -> None:
    assert values("Type") == ["notify"]
    assert values("NotifyAccess") == ["main"]
    assert seconds(values("WatchdogSec")[0]) > 0


def test_a_stop_leaves_the_drain_its_time() -> None:
    assert values("KillSignal") == ["SIGTERM"]
    assert seconds(values("TimeoutStopSec")[0]) > Settings.model_fields["drain_s"].default


def test_systemd_restarts_a_crash_but_not_a_wrong_configuration() -> None:
    assert values("Restart") == ["on-failure"]
    assert values("RestartPreventExitStatus") == ["2"]


def test_systemd_retries_a_passing_fault_without_end() -> None:
    assert values("RestartSec") == ["5s"]
    # 0 removes the limit on starts; systemd limits a unit without this setting.
    assert values("StartLimitIntervalSec") == ["0"]


def test_the_sandbox_lets_the_bridge_write_its_results() -> None:
    (folder,) = values("StateDirectory")
    assert f"HYBRIDSPHERE_RESULTS_DIR=/var/lib/{folder}/results" in values("Environment")


def test_the_unit_requires_variables_and_separates_credentials() -> None:
    variables, credentials = values("EnvironmentFile")
    assert values("ConditionPathExists") == [variables]
    assert credentials == "-/etc/hybridsphere/aws-credentials.env"


def test_nobody_but_the_service_reads_its_results() -> None:
    assert values("UMask") == ["0077"]
    assert values("StateDirectoryMode") == ["0700"]
    assert values("DynamicUser") == ["yes"]
    # A core dump would hold credentials and results.
    assert values("LimitCORE") == ["0"]


def test_the_unit_itself_carries_no_credential() -> None:
    assert not [value for value in values("Environment") if "KEY" in value or "TOKEN" in value]
