"""The bridge as a child process, which cannot outlive the demo."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from hybridsphere.host import child


class BridgeProcess:
    """A running `hybridsphere bridge`; its log goes to a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    async def ended(self) -> int:
        """Wait for its end; return the exit code, negative for a signal."""
        return await self._process.wait()

    async def stop(self, within_s: float) -> int:
        """End it as systemd does, first by SIGTERM; return the exit code, negative for a signal."""
        self._signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.ended(), within_s)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            return await self.ended()

    def _signal(self, number: int) -> None:
        if self._process.returncode is None:
            os.killpg(self._process.pid, number)


@asynccontextmanager
async def running_bridge(environment: Mapping[str, str], log: Path) -> AsyncIterator[BridgeProcess]:
    """Run a bridge with this environment; kill it at the end if it still runs."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *child.command([sys.executable, "-m", "hybridsphere", "bridge"]),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C in a terminal ends the demo, which then stops its bridge itself.
            start_new_session=True,
        )
    bridge = BridgeProcess(process, log)
    try:
        yield bridge
    finally:
        await bridge.stop(within_s=0)
