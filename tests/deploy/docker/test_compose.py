"""The bridge, an account and the page by Docker Compose, by the commands of docs/deploy.md."""

import json
import os
import pty
import re
import secrets
from collections.abc import Iterator

import pytest

from tests.deploy.docker.documented import commands
from tests.deploy.docker.engine import Engine, until
from tests.deploy.docker.material import VIDEO, Material

pytestmark = pytest.mark.docker

DATA, UP, UPLOAD, CHECK = commands("deploy.md", "export DATA=$PWD/data")
ADD_USER, PAGE = commands("deploy.md", "docker compose --file deploy/compose.yaml run")
(DOWN,) = commands("deploy.md", "docker compose --file deploy/compose.yaml --profile page down")
PAGE_URL = "http://127.0.0.1:8090"

# Debian 12 has a Compose of the first generation only, which knows no `docker compose`.
_FETCH = """
docker run --rm --volume {folder}:/out {image} sh -c 'apt-get -qq update && cd /tmp &&
  apt-get -qq download docker-compose && dpkg-deb --extract docker-compose_*.deb x &&
  cp x/usr/libexec/docker/cli-plugins/docker-compose /out/'
"""


@pytest.fixture(scope="session")
def compose(docker: Engine, base_image: str, stuff: Material) -> str:
    """The version of Docker Compose; Debian 13's where this machine has none."""
    version = "docker compose version --short"
    try:
        return docker.shell(version, stuff.folder)
    except AssertionError:
        folder = docker.folder / "config/cli-plugins"
        folder.mkdir(parents=True)
        docker.shell(_FETCH.format(folder=folder, image=base_image), stuff.folder)
    return docker.shell(version, stuff.folder)


@pytest.fixture
def _composed(docker: Engine, compose: str, stuff: Material) -> Iterator[None]:
    docker.shell(f"{DATA}\n{UP}", stuff.folder)
    yield
    docker.shell(DOWN, stuff.folder)
    assert docker.docker("ps", "--all", "--quiet") == ""
    assert docker.docker("volume", "ls", "--quiet") == ""


def add_user(docker: Engine, stuff: Material, password: str) -> None:
    """Run the command at a terminal, and answer its two questions."""
    ours, terminal = pty.openpty()
    process = docker.converse(f"{DATA}\n{ADD_USER}", stuff.folder, terminal)
    os.close(terminal)
    for question in (b"Password: ", b"Repeat for confirmation: "):
        seen = b""
        while question not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, f"{password}\n".encode())
    assert process.wait() == 0
    os.close(ours)


def log_in(docker: Engine, stuff: Material, password: str) -> str:
    """Log in as a browser does; return the options by which curl keeps the session."""
    jar = f"--silent --cookie-jar jar --cookie jar --header 'Origin: {PAGE_URL}'"
    form = docker.shell(f"curl {jar} {PAGE_URL}/login", stuff.folder)
    token = re.search(r'name="token" value="([^"]+)"', form)
    assert token is not None, form
    fields = {"token": token[1], "name": "ada", "password": password}
    data = " ".join(f"--data-urlencode '{name}={text}'" for name, text in fields.items())
    status = "--output /dev/null --write-out '%{http_code}'"
    assert docker.shell(f"curl {jar} {status} {data} {PAGE_URL}/login", stuff.folder) == "303"
    return jar


@pytest.mark.usefixtures("_composed")
def test_videos_reach_the_bridge_and_a_page_with_a_login(docker: Engine, stuff: Material) -> None:
    docker.shell(UPLOAD, stuff.folder)
    assert "✗" not in docker.shell(CHECK, stuff.folder)
    status = CHECK.replace("workload check", "status")
    assert "✗" not in docker.shell(status, stuff.folder)
    export = CHECK.replace("workload check", "results export")
    stuff.assert_recognised(docker.shell(export, stuff.folder))

    password = secrets.token_hex(8)
    add_user(docker, stuff, password)
    docker.shell(f"{DATA}\n{PAGE}", stuff.folder)
    until(lambda: docker.answers(f"{PAGE_URL}/healthz"))
    refused = "--silent --output /dev/null --write-out '%{http_code}'"
    assert docker.shell(f"curl {refused} {PAGE_URL}/now.json", stuff.folder) in ("303", "401")
    jar = log_in(docker, stuff, password)
    now = json.loads(docker.shell(f"curl {jar} {PAGE_URL}/now.json", stuff.folder))
    assert VIDEO in json.dumps(now)
    assert stuff.person in json.dumps(now)
