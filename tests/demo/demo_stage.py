"""Plays demos as a reader does: by the command, in a folder of their own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Played:
    """What a demo in `folder` came to."""

    folder: Path
    exit_code: int
    out: str
    err: str

    @property
    def results(self) -> Path:
        """Where the first demo in a folder puts its results, unless told otherwise."""
        return self.folder / "results" / "demo" / "1"

    @property
    def own(self) -> Path:
        """What it made for itself."""
        return self.results / "_hybridsphere" / "demo"

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.folder / "report.json").read_text(encoding="utf-8")
        )
        return found

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        return {check["name"]: check for check in self.report["checks"]}


def play(folder: Path, *options: str | Path) -> Played:
    """Run `hybridsphere demo` to its end, behind a proxy that takes nothing for this machine."""
    proxy = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "example.com"}
    done = subprocess.run(
        [sys.executable, "-m", "hybridsphere", "demo", *map(str, options)],
        cwd=folder,
        env={**os.environ, **proxy},
        capture_output=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )
    return Played(folder, done.returncode, done.stdout, done.stderr)
