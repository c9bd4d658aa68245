"""The page as a child process, for `demo --serve` and `local --page`."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from hybridsphere.errors import CannotRun
from hybridsphere.host import child

_USUAL = 8090
_ENDS_WITHIN_S = 5


@asynccontextmanager
async def running_page(environment: Mapping[str, str], log: Path) -> AsyncIterator[str]:
    """Run the page with this environment; yield its URL once it answers. Raises CannotRun."""
    port = free_port(_USUAL)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *child.command([sys.executable, "-m", "hybridsphere", "page"]),
            env={**environment, "HYBRIDSPHERE_PAGE": f"127.0.0.1:{port}"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        await _until_it_answers(port, process, log)
        yield f"http://127.0.0.1:{port}/"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _ENDS_WITHIN_S)
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


def free_port(usual: int = 0) -> int:
    """Find a free port of this machine, the usual one if it is."""
    for wanted in (usual, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise CannotRun("this machine has no free port")


async def _until_it_answers(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise CannotRun(f"the page ended with exit code {process.returncode}", hint=f"read {log}")
