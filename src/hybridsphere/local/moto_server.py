"""moto's server, which serves S3, SQS and DynamoDB."""

import asyncio
import importlib.util
import os
import signal
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self, cast

from hybridsphere.errors import CannotRun
from hybridsphere.host import child


class MotoServer:
    """An async context manager that runs the server as a child process, on a free port."""

    endpoint: str
    """For AWS_ENDPOINT_URL."""

    async def __aenter__(self) -> Self:
        if importlib.util.find_spec("moto") is None:
            raise ModuleNotFoundError("No module named 'moto'")
        self._process = await asyncio.create_subprocess_exec(
            *child.command([sys.executable, "-m", "hybridsphere.local.moto_process"]),
            # moto writes local time without a zone into its events; S3 writes UTC.
            env={**os.environ, "TZ": "UTC"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C in a terminal ends the account, which stops its server last.
            start_new_session=True,
        )
        try:
            self.endpoint = f"http://127.0.0.1:{await self._port()}"
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    async def wait(self) -> int:
        """Wait for the server's end, which only a fault brings; return the exit status."""
        return await self._process.wait()

    async def _port(self) -> int:
        output = cast("asyncio.StreamReader", self._process.stdout)
        line = await output.readline()
        if not line:
            status = await self._process.wait()
            raise CannotRun(
                f"moto's server ended with exit status {status} before it answered",
                hint="standard error has the reason",
            )
        return int(line)

    async def _stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
