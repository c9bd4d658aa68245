"""The bridge as a container, by the commands of docs/deploy.md."""

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.deploy.docker.conftest import Account
from tests.deploy.docker.documented import commands
from tests.deploy.docker.engine import Engine, until
from tests.deploy.docker.material import Material

pytestmark = pytest.mark.docker

NAME = "hybridsphere"
_, RUN, READY, STATUS, STOP = commands("deploy.md", "docker build --file Dockerfile.bridge")


@pytest.fixture
def _bridge(docker: Engine, bridge_image: str, account: Account, stuff: Material) -> Iterator[None]:
    account.write_for_containers(stuff.folder / "bridge.env")
    docker.shell(RUN, stuff.folder)
    yield
    docker.remove(NAME)
    docker.docker("volume", "rm", "hybridsphere-results")


def is_ready(docker: Engine, stuff: Material) -> bool:
    if not docker.answers("http://127.0.0.1:8080/"):
        return False
    answer = json.loads(docker.shell(READY.replace("curl", "curl --silent"), stuff.folder))
    return bool(answer["status"] == "ready")


def health(docker: Engine) -> str:
    return docker.docker("inspect", "--format", "{{.State.Health.Status}}", NAME)


def collect(docker: Engine, stuff: Material) -> None:
    """Upload all videos, and wait until the container has a result of each."""
    script = "set -a && . ./local.env && .venv/bin/hybridsphere workload upload data/videos"
    docker.shell(script, stuff.folder)
    until(lambda: all(f",{video}," in results(docker, stuff) for video in stuff.videos))


def results(docker: Engine, stuff: Material) -> str:
    """Return the CSV of all results in the container."""
    return docker.shell(STATUS.replace("status", "results export"), stuff.folder)


@pytest.mark.usefixtures("_bridge")
def test_the_documented_commands_collect_real_videos_until_a_stop(
    docker: Engine, stuff: Material, figures: Callable[[str], None]
) -> None:
    until(lambda: is_ready(docker, stuff))
    collect(docker, stuff)
    stuff.assert_recognised(results(docker, stuff))
    # On a read-only root, faces too: SQLite has a place for its temporary files.
    assert "✗" not in docker.shell(STATUS, stuff.folder)
    until(lambda: health(docker) != "starting")
    assert health(docker) == "healthy"

    before = time.monotonic()
    docker.shell(STOP, stuff.folder)
    stopped_s = time.monotonic() - before
    assert docker.docker("inspect", "--format", "{{.State.ExitCode}}", NAME) == "0"
    # Its own drain, not Docker's kill at the end of --stop-timeout.
    assert stopped_s < 25
    figures(f"docker stop of the bridge: {stopped_s:.1f} s, exit 0")


@pytest.mark.usefixtures("_bridge")
def test_the_results_outlive_the_container(docker: Engine, stuff: Material) -> None:
    collect(docker, stuff)
    before = results(docker, stuff)
    docker.shell(STOP, stuff.folder)
    docker.remove(NAME)
    docker.shell(RUN, stuff.folder)
    until(lambda: docker.answers("http://127.0.0.1:8080/"))
    assert results(docker, stuff) == before
