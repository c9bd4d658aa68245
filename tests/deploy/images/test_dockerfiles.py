"""The Dockerfiles and compose.yaml, as far as they can be checked without building."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hybridsphere.settings import Settings
from tests.deploy.images.image_stage import REPOSITORY

DOCKERFILES = sorted(REPOSITORY.glob("Dockerfile.*"))
COMPOSE = REPOSITORY / "deploy" / "compose.yaml"


@pytest.fixture(scope="session")
def services() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml, by name."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return services


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_the_linter_finds_nothing(dockerfile: Path) -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    linted = subprocess.run([hadolint, dockerfile], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_all_images_stand_on_the_same_base() -> None:
    default = re.compile(r"^ARG BASE=(.+)$", re.MULTILINE)
    bases = [default.findall(file.read_text()) for file in DOCKERFILES]
    assert len(bases) == 3
    assert bases == [bases[0]] * 3


def test_compose_builds_what_there_is(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        context = COMPOSE.parent / service["build"]["context"]
        assert (context / service["build"]["dockerfile"]).is_file()


def test_compose_gives_the_bridge_the_time_that_it_may_take_to_drain(
    services: dict[str, dict[str, Any]],
) -> None:
    grace_s = float(services["bridge"]["stop_grace_period"].removesuffix("s"))
    assert grace_s > Settings.model_fields["drain_s"].default
