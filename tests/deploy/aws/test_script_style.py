import subprocess
from collections.abc import Callable

from aws_template import FOLDER


def test_shellcheck_finds_nothing(tool: Callable[[str], str]) -> None:
    scripts = [str(path) for path in FOLDER.glob("*.sh")]
    done = subprocess.run(
        [tool("shellcheck"), *scripts], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
