"""`hybridsphere host` as a process: what it passes on, how it starts and ends."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hybridsphere.cli.app import main
from hybridsphere.host import child
from hybridsphere.host.serve import _environment
from hybridsphere.keys import make_keys


def test_the_function_gets_the_variables_of_aws_and_its_own_but_no_key_file() -> None:
    passed = _environment(
        {
            "AWS_REGION": "eu-west-1",
            "AWS_LAMBDA_RUNTIME_API": "elsewhere",
            "HYBRIDSPHERE_TABLE": "students",
            "HYBRIDSPHERE_HOST": ":9000",
            "HYBRIDSPHERE_HOST_KEYS": "/keys",
            "EDITOR": "vi",
        }
    )
    assert passed == {
        "HYBRIDSPHERE_PLACE": "home",
        "AWS_REGION": "eu-west-1",
        "HYBRIDSPHERE_TABLE": "students",
    }
    assert _environment({"HYBRIDSPHERE_PLACE": "home-2"}) == {"HYBRIDSPHERE_PLACE": "home-2"}


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([], "--keys"),
        (["--keys", "/nowhere/keys"], "cannot be read"),
        (["--listen", "9000"], "is no address"),
        (["--make-keys", "keys"], "is there already"),
    ],
)
def test_a_host_that_cannot_work_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_keys(tmp_path / "keys")
    answer = CliRunner().invoke(main, ["host", *options])
    assert answer.exit_code == 2
    assert word in answer.stderr


async def test_sigterm_drains_a_host(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    make_keys(keys)
    options = ["--keys", str(keys), "--listen", "127.0.0.1:0", "--workers", "1"]
    process = await asyncio.create_subprocess_exec(
        *child.command([sys.executable, "-m", "hybridsphere", "host", *options]),
        env={**os.environ, "AWS_REGION": "eu-west-1"},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        line = (await process.stderr.readline()).decode()
        assert line.startswith("ready at http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
