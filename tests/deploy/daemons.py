"""Servers as processes of a test."""

import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hybridsphere.host import child

PATIENCE_S = 120
"""Far longer than any of these servers takes to start, in seconds."""


@dataclass
class Daemons:
    """The processes of one server, whose output goes to files in `folder`."""

    folder: Path
    environment: Mapping[str, str]
    _running: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, name: str, *command: str | Path) -> None:
        with (self.folder / f"{name}.out").open("wb") as output:
            process = subprocess.Popen(
                child.command([*map(str, command)]),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append((name, process))

    def run(self, *command: str | Path) -> None:
        """Run a command to its end, which must be a success."""
        done = subprocess.run(
            [*map(str, command)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"

    def await_answer(self, url: str, certificate: Path | None = None) -> None:
        """Wait until HTTP is answered there; no daemon here announces that it is ready."""
        context = ssl.create_default_context(cafile=certificate)
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(url, context):
            assert time.monotonic() < deadline, f"{url} does not answer: {self._outputs()}"
            self.assert_running()
            time.sleep(0.1)

    def assert_running(self) -> None:
        """Fail where a daemon has ended."""
        for name, process in self._running:
            assert process.poll() is None, f"{name} has ended: {self._output(name)}"

    def stop(self) -> None:
        for _, process in reversed(self._running):
            process.kill()
            process.wait()

    def _outputs(self) -> str:
        return "\n".join(self._output(name) for name, _ in self._running)

    def _output(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text()[-500:]


@contextmanager
def daemons(folder: Path, environment: Mapping[str, str]) -> Iterator[Daemons]:
    """The processes of a server; all are killed at the end."""
    made = Daemons(folder, environment)
    try:
        yield made
    finally:
        made.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str, context: ssl.SSLContext) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5, context=context):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
