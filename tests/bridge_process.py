"""A bridge as a process of its own: its log, its readiness, its figures, and its end."""

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from hybridsphere.host import child
from tests.forked import ROOT, Forked
from tests.stage import PATIENCE_S, Log

USUAL = ["-m", "hybridsphere", "bridge"]


class BridgeProcess(Log):
    """A running bridge."""

    def __init__(self, process: "asyncio.subprocess.Process | Forked") -> None:
        super().__init__()
        self._process = process
        self._reader = asyncio.create_task(self._read())

    async def readiness(self) -> tuple[int, dict[str, str]]:
        status, text = await self._get("readyz")
        return status, json.loads(text)["troubles"]

    async def is_ready(self) -> bool:
        return await self.readiness() == (200, {})

    async def is_troubled(self, *parts: str, word: str = "") -> bool:
        """Whether /readyz names these parts, with that word in each reason."""
        status, troubles = await self.readiness()
        told = all(part in troubles and word in troubles[part] for part in parts)
        return status == 503 and told

    async def figure(self, name: str, **labels: str) -> float:
        """A figure of /metrics, by its name without the prefix; 0 where it is not there yet."""
        _, text = await self._get("metrics")
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == f"hybridsphere_{name}" and sample.labels == labels:
                    return float(sample.value)
        return 0.0

    def memory_mb(self) -> float:
        """What is resident now (man 5 proc_pid_status)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def limit_files(self, size: int) -> None:
        """Let none of its files grow beyond so many bytes, until told otherwise."""
        hard = resource.RLIM_INFINITY
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, hard))

    async def kill(self) -> None:
        self._process.kill()
        await self.ended()

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code after a signal."""
        self._process.send_signal(number)
        status = await self.ended()
        assert all("timestamp" in line for line in self.lines), "what is no line of the log"
        return status

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    async def ended(self) -> int:
        """The exit code, once it has come to its end by itself."""
        async with asyncio.timeout(PATIENCE_S):
            await self._reader
            return await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stderr
        try:
            while text := await self._process.stderr.readline():
                # A traceback at the very end is no JSON, and worth reading.
                is_event = text.startswith(b"{")
                self.add(json.loads(text) if is_event else {"event": text.decode()})
        finally:
            self.end()

    async def _get(self, path: str) -> tuple[int, str]:
        port = (await self.seen("web.listening"))["port"]
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/{path}") as got,
        ):
            return got.status, await got.text()


@asynccontextmanager
async def started(
    arguments: Sequence[str] = USUAL,
    environment: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
) -> AsyncIterator[BridgeProcess]:
    """A bridge, given as Python's arguments; `before` is a command that runs it.

    A plain one is forked.
    """
    environ = os.environ if environment is None else environment
    process: asyncio.subprocess.Process | Forked
    if arguments[0] == "-m" and not before:
        process = await Forked.start(*arguments[1:], environ=environ)
    else:
        process = await asyncio.create_subprocess_exec(
            *child.command([*before, sys.executable, *arguments]),
            cwd=ROOT,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    bridge = BridgeProcess(process)
    try:
        yield bridge
    finally:
        if not bridge.has_ended:
            await bridge.kill()


@asynccontextmanager
async def running(
    environment: Mapping[str, str], arguments: Sequence[str], before: Sequence[str] = ()
) -> AsyncIterator[BridgeProcess]:
    """A bridge that is ready."""
    async with started(arguments, environment, before) as bridge:
        await bridge.seen("bridge.ready")
        yield bridge
