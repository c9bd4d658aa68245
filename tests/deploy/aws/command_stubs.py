"""Stand-ins for `aws` and `docker`: they record each call and print a given answer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.deploy.aws.aws_template import FOLDER

SOURCE = """#!{python} -IS
import json, sys
from pathlib import Path
folder = Path({folder!r})
if "--password-stdin" in sys.argv:
    sys.stdin.read()
call = " ".join([{name!r}, *sys.argv[1:]])
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(call) + chr(10))
for start, (text, status) in json.loads((folder / "answers").read_text()).items():
    if call.startswith(start):
        (sys.stderr if status else sys.stdout).write(text)
        sys.exit(status)
"""


class Answer(NamedTuple):
    """The output of a call, on standard error if it fails, and its exit status."""

    text: str
    status: int = 0


class Stubs:
    """The commands in a folder, and the scripts that run with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers = {"aws sts get-caller-identity": Answer("123456789012\n")}
        for name in ("aws", "docker", "hybridsphere"):
            path = folder / name
            path.write_text(SOURCE.format(python=sys.executable, folder=str(folder), name=name))
            path.chmod(0o755)

    def answer(self, start: str, text: str, status: int = 0) -> None:
        """Set the output and the status of calls that begin so; the last fitting one counts.

        Other calls print nothing, and succeed.
        """
        self._answers.pop(start, None)
        self._answers = {start: Answer(text, status), **self._answers}

    def run(
        self, script: str, *arguments: str, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs a script of deploy/aws, in the folder, with something typed on its input."""
        (self._folder / "answers").write_text(json.dumps(self._answers))
        return subprocess.run(
            [str(FOLDER / script), *arguments],
            cwd=self._folder,
            env={"PATH": f"{self._folder}{os.pathsep}{os.defpath}", "AWS_REGION": "eu-west-1"},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, *starts: str) -> list[str]:
        """Return the recorded calls that begin in one of these ways, or all of them."""
        path = self._folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call for call in map(json.loads, lines) if call.startswith(starts or ("",))]
