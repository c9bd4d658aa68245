"""Linux namespaces: a separate network, separate mounts and processes for a cloud."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hybridsphere.host import child

_INIT = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
ip link set lo up
echo ready
sleep infinity & wait
"""
"""The first process: an empty /run, loop-back, and an end for orphans."""

LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp."""


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Network, mounts and processes apart from the machine's; files are the machine's.

    `pid` is that of the process that made them.
    """

    pid: int

    def command(self, folder: Path, *words: str | Path) -> list[str]:
        """Return the command line that runs `words` inside, in `folder`."""
        enter = [
            *("nsenter", f"--net=/proc/{self.pid}/ns/net", f"--mount=/proc/{self.pid}/ns/mnt"),
            *(f"--pid=/proc/{self.pid}/ns/pid_for_children", "--"),
        ]
        return [*enter, "env", f"--chdir={folder}", *map(str, words)]

    def run(
        self, folder: Path, environment: Mapping[str, str], *words: str | Path
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end."""
        return subprocess.run(
            self.command(folder, *words),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def listening(self) -> set[int]:
        """Return the TCP ports on which a process inside listens."""
        lines = Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]
        sockets = [line.split() for line in lines]
        return {int(words[1].partition(":")[2], 16) for words in sockets if words[3] == LISTENS}


@contextmanager
def namespaces() -> Iterator[Namespaces]:
    """Make namespaces; the kernel ends their processes and interfaces with them.

    It does so after kill -9 of this process, too.
    """
    apart = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    process = subprocess.Popen(
        child.command(["unshare", *apart, "sh", "-c", _INIT]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            if process.stdout.readline() != "ready\n":
                raise OSError(process.stderr.read())
            yield Namespaces(process.pid)
        finally:
            process.kill()
