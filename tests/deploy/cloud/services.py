"""The processes of the cloud, inside its namespaces."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.cloud.namespaces import Namespaces, namespaces
from tests.deploy.daemons import Daemons, daemons
from tests.deploy.object_stores.store import ENVIRONMENT

PATIENCE_S = 300
"""Far longer than a service takes to start beside seven others on one core, in seconds."""


@dataclass(frozen=True, slots=True)
class Services:
    """Programs that run inside the namespaces, in `folder`; their output is in `log` below it."""

    folder: Path
    inside: Namespaces
    daemons: Daemons

    def start(self, name: str, *words: str | Path) -> None:
        """Start a program that stays."""
        self.daemons.start(name, *self.inside.command(self.folder, *words))

    def run(self, *words: str | Path, environment: Mapping[str, str] | None = None) -> str:
        """Run a program to its end, which must be a success; returns its standard output."""
        done = self.inside.run(self.folder, {**ENVIRONMENT, **(environment or {})}, *words)
        assert done.returncode == 0, f"{words[0]}: {done.stderr or done.stdout}"
        return done.stdout

    def await_ports(self, *ports: int) -> None:
        """Wait until a process listens on each port."""
        self.wait(lambda: set(ports) <= self.inside.listening(), f"ports {ports}")

    def wait(self, ready: Callable[[], bool], purpose: str) -> None:
        """Wait until `ready`; no service here announces that it is."""
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            assert time.monotonic() < deadline, f"{purpose}: not within {PATIENCE_S} s"
            self.daemons.assert_running()
            time.sleep(0.3)


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Make the namespaces; whatever runs inside ends with them."""
    environment = {**ENVIRONMENT, "TMPDIR": str(folder), "HOME": str(folder)}
    with namespaces() as inside, daemons(folder / "log", environment) as started:
        yield Services(folder, inside, started)
