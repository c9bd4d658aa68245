"""A bridge as a process of its own: its log, its readiness, its figures, and its end."""

import asyncio
import json
import resource
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from hybridsphere.local import child

PATIENCE_S = 120
"""Far longer than anything here takes; a test that waits so long has failed."""

HURRIED = [str(Path(__file__).with_name("hurried_bridge.py"))]
USUAL = ["-m", "hybridsphere", "bridge"]


class BridgeProcess:
    """A running bridge."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._news = asyncio.Event()
        self.lines: list[dict[str, Any]] = []
        self._reader = asyncio.create_task(self._read())

    def of(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The lines of the log with that event and those fields."""
        wanted = {"event": event, **fields}
        return [line for line in self.lines if wanted.items() <= line.items()]

    async def seen(self, event: str, *, times: int = 1, **fields: Any) -> dict[str, Any]:
        """The line of an event, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := self.of(event, **fields)) < times:
                if self._reader.done():
                    raise AssertionError(f"no {event}; the log ends with {self.lines[-3:]}")
                self._news.clear()
                await self._news.wait()
        return found[times - 1]

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
        await self._ended()

    async def stop(self) -> int:
        """The exit code after SIGTERM."""
        self._process.send_signal(signal.SIGTERM)
        return await self._ended()

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    async def _ended(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            await self._reader
            return await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stderr
        while text := await self._process.stderr.readline():
            # A traceback at the very end is no JSON, and worth reading.
            is_event = text.startswith(b"{")
            self.lines.append(json.loads(text) if is_event else {"event": text.decode()})
            self._news.set()
        self._news.set()

    async def _get(self, path: str) -> tuple[int, str]:
        port = (await self.seen("web.listening"))["port"]
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/{path}") as got,
        ):
            return got.status, await got.text()


@asynccontextmanager
async def running(
    environment: Mapping[str, str], arguments: Sequence[str], before: Sequence[str] = ()
) -> AsyncIterator[BridgeProcess]:
    """A bridge that is ready, given as Python's arguments; `before` is a command that runs it."""
    process = await asyncio.create_subprocess_exec(
        *child.command([*before, sys.executable, *arguments]),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    bridge = BridgeProcess(process)
    try:
        await bridge.seen("bridge.ready")
        yield bridge
    finally:
        if not bridge.has_ended:
            await bridge.kill()
