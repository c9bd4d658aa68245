"""A server of Debian's that speaks S3, started from its packages in a folder of a test."""

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hybridsphere.local import child

PATIENCE_S = 120
"""Far longer than any of these servers takes to start, in seconds."""

# Debian's own Python must not find the packages of this project.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A running server: its endpoint and the keys of its one user."""

    name: str
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The variables with which a program uses this server for S3 alone."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


@dataclass
class Daemons:
    """The processes of one server, whose output goes to files in `folder`."""

    folder: Path
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, *command: str | Path) -> None:
        with (self.folder / f"{name}.out").open("wb") as output:
            process = subprocess.Popen(
                child.command([*map(str, command)]),
                cwd=self.folder,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(process)

    def run(self, *command: str | Path) -> None:
        """Run a command to its end, which must be a success."""
        done = subprocess.run(
            [*map(str, command)],
            cwd=self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"

    def await_answer(self, url: str) -> None:
        """Wait until HTTP is answered there; no daemon here announces that it is ready."""
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(url):
            assert time.monotonic() < deadline, f"{url} does not answer: {self._outputs()}"
            for process in self._running:
                assert process.poll() is None, f"a daemon has ended: {self._outputs()}"
            time.sleep(0.1)

    def stop(self) -> None:
        for process in reversed(self._running):
            process.kill()
            process.wait()

    def _outputs(self) -> str:
        return "\n".join(path.read_text()[-500:] for path in self.folder.glob("*.out"))


@contextmanager
def daemons(folder: Path) -> Iterator[Daemons]:
    """The processes of a server; all are killed at the end."""
    made = Daemons(folder)
    try:
        yield made
    finally:
        made.stop()


def need(*commands: str, packages: Sequence[str]) -> None:
    """Skip the test by name where a command is missing, or where it may not run."""
    for command in commands:
        if shutil.which(command, path=ENVIRONMENT["PATH"]) is None:
            pytest.skip(f"{command} is not installed: apt-get install {' '.join(packages)}")
    if os.geteuid() != 0:
        pytest.skip(f"{commands[0]} is started as root")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def new_secret() -> str:
    return secrets.token_hex(16)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
