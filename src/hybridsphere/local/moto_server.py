"""moto's server, which stands for S3, SQS and DynamoDB."""

import asyncio
import importlib.util
import os
import signal
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self, cast

from hybridsphere.errors import CannotRun
from hybridsphere.local import child


class MotoServer:
    """An async context manager that runs the server in a process of its own, on a free port."""

    endpoint: str
    """For AWS_ENDPOINT_URL."""

    async def __aenter__(self) -> Self:
        if importlib.util.find_spec("moto") is None:
            raise ModuleNotFoundError("No module named 'moto'")
        self._process = await asyncio.create_subprocess_exec(
            *child.command([sys.executable, "-m", "hybridsphere.local.moto_process"]),
            # moto writes the local time into its events, without a zone; S3 writes UTC.
            env={**os.environ, "TZ": "UTC"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C in a terminal is meant for the account, which stops its server last.
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
        """Waits for the server's end, which never comes by itself; its exit status."""
        return await self._process.wait()

    async def _port(self) -> int:
        output = cast("asyncio.StreamReader", self._process.stdout)
        line = await output.readline()
        if not line:
            status = await self._process.wait()
            raise CannotRun(
                f"moto's server ended with exit status {status} before it answered",
                hint="standard error has the reason; is the extra hybridsphere[local] installed?",
            )
        return int(line)

    async def _stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
