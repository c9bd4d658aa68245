"""Docker's daemon in separate namespaces: networks, mounts and processes vanish with it.

Ports that a documented command publishes are therefore free, whatever else this machine runs.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hybridsphere.host import child

PACKAGES = ("docker.io", "debootstrap", "slirp4netns")
"""Debian's packages that the tests need."""

PATIENCE_S = 900
"""Longer than an image takes to build on a busy machine, in seconds."""

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Debian's own folders; another `docker` may come first on the PATH."""

_CGROUPS = Path("/sys/fs/cgroup")


@dataclass
class Engine:
    """A running daemon, and a shell in its network."""

    folder: Path
    namespaces: int
    """The PID of the first process in the daemon's namespaces."""
    background: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def shell(self, script: str, folder: Path, **variables: str) -> str:
        """Run a script of documented commands to its end; return its output.

        A command that fails, fails the test.
        """
        done = subprocess.run(
            self._command(script),
            cwd=folder,
            env=self._environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-4000:]}"
        return done.stdout

    def start(self, script: str, folder: Path, log: Path) -> subprocess.Popen[bytes]:
        """Start a command that lasts; it is killed with the engine at the latest."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                child.command(self._command(f"exec {script}")),
                cwd=folder,
                env=self._environment({}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.background.append(process)
        return process

    def converse(self, script: str, folder: Path, terminal: int) -> subprocess.Popen[bytes]:
        """Start a command at a terminal."""
        return subprocess.Popen(
            child.command(self._command(script)),
            cwd=folder,
            env=self._environment({}),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )

    def docker(self, *arguments: str) -> str:
        """Run a command of Docker; return its output without the line's end."""
        command = ["docker", *arguments]
        done = subprocess.run(
            command,
            env=self._environment({}),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def answers(self, url: str) -> bool:
        """Return whether HTTP is answered there, in the daemon's network."""
        probe = self._command(f"curl --silent --max-time 5 --output /dev/null {url}")
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0

    def size_of(self, image: str) -> int:
        """Return an image's size in bytes, uncompressed, its base included."""
        return int(self.docker("image", "inspect", "--format", "{{.Size}}", image))

    def remove(self, container: str) -> None:
        """Remove a container, whether it runs or not."""
        self.docker("rm", "--force", "--volumes", container)

    def _command(self, script: str) -> list[str]:
        network = f"--net=/proc/{self.namespaces}/ns/net"
        return ["nsenter", network, "bash", "-euo", "pipefail", "-c", script]

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {
            **{name: text for name, text in os.environ.items() if not name.startswith("AWS_")},
            "PATH": _PATH,
            "DOCKER_HOST": f"unix://{self.folder}/docker.sock",
            "DOCKER_CONFIG": str(self.folder / "config"),
            **variables,
        }


def until(holds: Callable[[], bool], patience_s: float = 120) -> None:
    """Look again and again at what Docker does not announce."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "too late"
        time.sleep(0.1)


def need_docker() -> None:
    """Skip the test by name where Docker or a tool is missing, or where it may not run."""
    for tool in ("dockerd", "docker", "docker-init", "debootstrap", "slirp4netns", "nsenter"):
        if shutil.which(tool, path=_PATH) is None:
            pytest.skip(f"{tool} is not installed: apt-get install {' '.join(PACKAGES)}")
    if os.geteuid() != 0:
        pytest.skip("dockerd is started as root")


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """A daemon with its data in `folder`; both are gone at the end, with all containers."""
    need_docker()
    group = f"hybridsphere-{os.getpid()}"
    (folder / "resolv.conf").write_text("nameserver 10.0.2.3\n")
    script = 'mount --bind "$0" /etc/resolv.conf && exec docker-init -- dockerd "$@"'
    flags = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    with (folder / "dockerd.log").open("wb") as log:
        daemon = subprocess.Popen(
            child.command(
                [
                    *("unshare", *flags, "sh", "-c", script, str(folder / "resolv.conf")),
                    *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"),
                    *("--pidfile", f"{folder}/pid", "--host", f"unix://{folder}/docker.sock"),
                    *("--cgroup-parent", f"/{group}"),
                    *("--exec-opt", "native.cgroupdriver=cgroupfs"),
                ]
            ),
            env={**os.environ, "PATH": _PATH},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    made = None
    try:
        made = Engine(folder, _first_process(daemon))
        _connect(made)
        until(lambda: _answers(made, daemon))
        yield made
    finally:
        _stop(made, daemon)
        _remove_groups(group)
        shutil.rmtree(folder / "data", ignore_errors=True)
        shutil.rmtree(folder / "exec", ignore_errors=True)


def _first_process(unshare: "subprocess.Popen[bytes]") -> int:
    """Return the PID, as this machine counts, of the first process in the namespaces."""
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
    until(lambda: unshare.poll() is not None or children.read_text() != "")
    assert unshare.poll() is None, "unshare has ended"
    return int(children.read_text().split()[0])


def _connect(made: Engine) -> None:
    """Give the daemon's network a way out, as a user's program on this machine has it."""
    reader, writer = os.pipe()
    options = ("--configure", "--mtu=1500", "--disable-host-loopback", f"--ready-fd={writer}")
    with (made.folder / "slirp4netns.log").open("wb") as log:
        process = subprocess.Popen(
            child.command(["slirp4netns", *options, str(made.namespaces), "tap0"]),
            env={**os.environ, "PATH": _PATH},
            pass_fds=[writer],
            stdout=log,
            stderr=log,
        )
    made.background.append(process)
    os.close(writer)
    with os.fdopen(reader, "rb") as ready:
        assert ready.read(1) == b"1", (made.folder / "slirp4netns.log").read_text()


def _answers(made: Engine, daemon: "subprocess.Popen[bytes]") -> bool:
    log = made.folder / "dockerd.log"
    assert daemon.poll() is None, f"dockerd has ended: {log.read_text()[-2000:]}"
    with suppress(AssertionError):
        return made.docker("info", "--format", "{{.ServerVersion}}") != ""
    return False


def _stop(made: Engine | None, daemon: "subprocess.Popen[bytes]") -> None:
    """End everything: containers by Docker if it can, the rest with the namespaces."""
    if made is not None:
        with suppress(AssertionError, subprocess.TimeoutExpired):
            containers = made.docker("ps", "--all", "--quiet").split()
            if containers:
                made.docker("rm", "--force", "--volumes", *containers)
        for process in made.background:
            process.kill()
            process.wait()
        with suppress(ProcessLookupError):
            os.kill(made.namespaces, 15)
        with suppress(subprocess.TimeoutExpired):
            daemon.wait(timeout=30)
    daemon.kill()
    daemon.wait()


def _remove_groups(name: str) -> None:
    """Remove the control groups of containers; each is empty once its processes have ended."""
    for top in [*_CGROUPS.glob(f"*/{name}"), _CGROUPS / name]:
        for path, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(path).rmdir()
