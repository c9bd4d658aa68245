import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = [*(ROOT / "deploy").rglob("*.sh"), ROOT / "lambda_fn/entry.sh", ROOT / ".ci/run"]


def test_shellcheck_finds_nothing(tool: Callable[[str], str]) -> None:
    command = [tool("shellcheck"), *map(str, SCRIPTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
