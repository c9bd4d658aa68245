"""Helpers for the tests of the images: buildah runs an image's command as an engine would."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridsphere.aws import session
from hybridsphere.local.account import LocalAccount

REPOSITORY = Path(__file__).parents[3]
IMAGES = str(REPOSITORY / "deploy" / "images.sh")

PATIENCE_S = 60
"""Far longer than anything here takes, in seconds; a test that reaches it has failed."""

# buildah itself cannot: the root file system is made read-only from within, and then the command
# gets the user of the image and no capabilities.
_READ_ONLY = (
    "mount -o remount,bind,ro / && exec setpriv --reuid {user} --regid {group} --clear-groups "
    '--bounding-set=-all --inh-caps=-all "$@"'
)


@dataclass(frozen=True, slots=True)
class Container:
    """A container of an image; several commands may run in it at once."""

    id: str
    config: Mapping[str, Any]
    """The image's configuration, as Docker names its parts."""

    @property
    def command(self) -> list[str]:
        return [*self.config["Entrypoint"], *self.config["Cmd"]]

    def run(self, *command: str) -> str:
        """Runs a command of a moment in this container; what it printed."""
        return _buildah("run", self.id, "--", *command)

    @asynccontextmanager
    async def running(
        self,
        command: list[str],
        environment: Mapping[str, str],
        log: Path,
        volumes: Mapping[Path, str] | None = None,
    ) -> AsyncIterator["Running"]:
        """The command in this container, on a read-only root, as the image's user.

        Its output goes to `log`; processes that remain at the end are killed.
        """
        user, group = self.config["User"].split(":")
        options = ["--user", "root", "--cap-add", "CAP_SYS_ADMIN", "--env", "HOME=/"]
        for name, value in environment.items():
            options += ["--env", f"{name}={value}"]
        for folder, place in (volumes or {}).items():
            options += ["--volume", f"{folder}:{place}"]
        script = _READ_ONLY.format(user=user, group=group)
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(IMAGES, "buildah", "run", *options, self.id),
                *("--", "sh", "-c", script, "sh", *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        running = Running(process, log)
        try:
            yield running
        finally:
            await running.kill()


class Running:
    """A command that runs in a container."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    async def ended(self) -> int:
        """Waits until the command has ended; its exit code."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._process.wait()

    async def printed(self, pattern: str) -> re.Match[str]:
        """Waits until the command has printed something, and fails if it ends before."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                over = self._process.returncode is not None
                if found := re.search(pattern, self.text):
                    return found
                assert not over, f"ended without {pattern!r}:\n{self.text}"
                await asyncio.sleep(0.05)

    @property
    def text(self) -> str:
        return self._log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the command's first process, as an engine does."""
        os.kill(self._first_process(), number)

    async def kill(self) -> None:
        while self._process.returncode is None:
            with suppress(ProcessLookupError):
                self.signal(signal.SIGKILL)
            await asyncio.sleep(0.05)

    def _first_process(self) -> int:
        """Return the PID of the command below buildah, or of buildah before there is a command."""
        pid = self._process.pid
        for child in _descendants(pid):
            pid = child
            with suppress(FileNotFoundError):
                if "buildah" not in Path(f"/proc/{child}/cmdline").read_text():
                    break
        return pid


@contextmanager
def container_of(image: str) -> Iterator[Container]:
    config = json.loads(_buildah("inspect", "--type", "image", image))["Docker"]["config"]
    name = _buildah("from", image).strip()
    try:
        yield Container(name, config)
    finally:
        _buildah("rm", name)


@asynccontextmanager
async def client_of(account: LocalAccount, service: str) -> AsyncIterator[Any]:
    """A client of one of the account's services, S3 or SQS."""
    environment = account.environment()
    async with session().create_client(
        service,
        region_name=environment["AWS_REGION"],
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    ) as client:
        yield client


def _buildah(*arguments: str) -> str:
    command = [IMAGES, "buildah", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _descendants(pid: int) -> Iterator[int]:
    """Child, grandchild and so on, the first of each."""
    while True:
        try:
            threads = list(Path(f"/proc/{pid}/task").iterdir())
            children = " ".join((thread / "children").read_text() for thread in threads).split()
        except (FileNotFoundError, ProcessLookupError):
            children = []
        if not children:
            return
        pid = int(children[0])
        yield pid
