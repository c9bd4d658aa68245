"""A user's shell on the cloud's machine, which runs the page's blocks as they stand."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.cloud import page
from tests.deploy.cloud.services import Services
from tests.deploy.object_stores.store import ENVIRONMENT

ROOT = Path(__file__).parents[3]

PREFIXES = ("PIP_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "NO_", "http", "no_")
"""Variables of the caller with which pip reaches its packages."""


@dataclass(slots=True)
class Shell:
    """A folder with the tree's `deploy`, and the variables that the blocks have set."""

    folder: Path
    services: Services
    values: Mapping[str, str]
    log: Path
    say: Callable[[str], None]
    done: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Make the folder and the user's home."""
        shutil.copytree(ROOT / "deploy", self.folder / "deploy")
        (self.folder / "home/.ssh").mkdir(mode=0o700, parents=True)

    def run_block(self, begin: str, *, online: bool = False) -> str:
        """Run the block of the page that begins so, to its end; returns its standard output.

        `values` replace its placeholders. `online` runs it where the machine's network is.
        """
        block = page.block(begin)
        self.done.append(block.text)
        text = block.text
        for placeholder, value in self.values.items():
            text = text.replace(placeholder, value)
        return self.run(text, online=online)

    def run(self, text: str, *, online: bool = False) -> str:
        """Run lines, each of which must be a success; returns their standard output."""
        began = time.monotonic()
        ended = self.attempt(text, online=online)
        first = text.splitlines()[0].removesuffix("\\").strip()
        self.say(f"{first} ({time.monotonic() - began:.0f} s)")
        assert ended.returncode == 0, f"{text}\n{ended.stderr}"
        return ended.stdout

    def attempt(self, text: str, *, online: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run lines until one fails."""
        state = self.folder / "variables"
        lines = f"[ ! -e {state} ] || . {state}\nset -a\n{text}\nexport -p > {state}\n"
        command = ["bash", "-e", "-o", "pipefail", "-c", lines]
        ours = {"HOME": str(self.folder / "home"), "LC_ALL": ENVIRONMENT["LC_ALL"]}
        if online:
            theirs = {name: os.environ[name] for name in os.environ if name.startswith(PREFIXES)}
            ours = theirs | ours
        else:
            command = self.services.inside.command(self.folder, *command)
        ended = subprocess.run(
            command,
            cwd=self.folder,
            env=ours | {"PATH": ENVIRONMENT["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {text}{ended.stdout}{ended.stderr}[{ended.returncode}]\n\n")
        return ended
