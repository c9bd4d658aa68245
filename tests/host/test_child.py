"""No child process outlives its parent."""

import asyncio
import os
import subprocess
import sys

from hybridsphere.host import child
from tests.local.local_stage import gone

SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
PARENT = f"""
import subprocess, sys
from hybridsphere.host import child
subprocess.run(child.command([sys.executable, "-c", {SLEEP!r}]))
"""


async def test_a_child_dies_with_a_parent_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await gone(pid)


def test_the_command_is_the_child_itself() -> None:
    program = "import os; print(os.getpid(), os.getppid(), os.environ['HERE'])"
    with subprocess.Popen(
        child.command([sys.executable, "-c", program]),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HERE": "yes"},
    ) as process:
        output, _ = process.communicate()
    assert output.split() == [str(process.pid), str(os.getpid()), "yes"]


def test_its_exit_status_is_that_of_the_command() -> None:
    done = subprocess.run(child.command([sys.executable, "-c", "exit(7)"]), check=False)
    assert done.returncode == 7


def test_nothing_is_started_for_a_parent_that_is_gone() -> None:
    argv = child.command([sys.executable, "-c", "print('started')"])
    argv[argv.index(str(os.getpid()))] = "1"
    done = subprocess.run(argv, check=False, capture_output=True)
    assert done.stdout == b""
