"""Whole bridges: in this process where their parts can be seen, or as processes of their own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from bridge_stage import PATIENCE_S, Journal, RealFunction
from leaks import found_in

from hybridsphere.bridge.service import Bridge
from hybridsphere.local.account import CREDENTIALS
from hybridsphere.local.resources import REGION
from hybridsphere.settings import Settings


def enter(patch: pytest.MonkeyPatch, moto: str, function: RealFunction, **ours: str) -> None:
    """Make the environment that of an account here; `ours` are variables without their prefix."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "HYBRIDSPHERE_")):
            patch.delenv(name)
    environment: Mapping[str, str] = {
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": moto,
        "AWS_ENDPOINT_URL_LAMBDA": function.endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "HYBRIDSPHERE_HTTP": "127.0.0.1:0",
        "HYBRIDSPHERE_DRAIN_S": "8",
        **{f"HYBRIDSPHERE_{name}": text for name, text in ours.items()},
    }
    for name, text in environment.items():
        patch.setenv(name, text)


@dataclass
class Running:
    """A bridge in this process."""

    stop: asyncio.Event
    task: asyncio.Task[None]
    port: int

    async def end(self) -> None:
        self.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.task

    async def readiness(self) -> tuple[int, dict[str, str]]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/readyz") as answer,
        ):
            return answer.status, (await answer.json())["troubles"]


@asynccontextmanager
async def running(journal: Journal) -> AsyncIterator[Running]:
    """A bridge as the environment has it; one at a time of a journal has been ready before."""
    before = len(journal.of("bridge.ready"))
    stop = asyncio.Event()
    task = asyncio.create_task(Bridge(Settings.load()).serve(stop))
    ready = asyncio.create_task(journal.seen("bridge.ready", times=before + 1))
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            await task
        yield Running(stop, task, journal.of("web.listening")[-1]["port"])
    finally:
        ready.cancel()
        stop.set()
        await asyncio.gather(task, ready, return_exceptions=True)


@dataclass
class Process:
    """A bridge as a process of its own, and the lines of its log that have been read."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]]

    async def line(self, event: str) -> dict[str, Any]:
        """The next line of the log with that event."""
        assert self.process.stderr
        async with asyncio.timeout(PATIENCE_S):
            while text := await self.process.stderr.readline():
                self.lines.append(json.loads(text))
                assert found_in(text.decode()) == []
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"{event} never came; the log ends with {self.lines[-3:]}")

    async def end(self, number: int = signal.SIGTERM) -> int:
        """The exit code after a signal."""
        self.process.send_signal(number)
        assert self.process.stderr
        async with asyncio.timeout(PATIENCE_S):
            rest = await self.process.stderr.read()
            assert found_in(rest.decode()) == []
            self.lines += [json.loads(line) for line in rest.splitlines()]
            return await self.process.wait()


@asynccontextmanager
async def command(*program: str) -> AsyncIterator[Process]:
    """The bridge's command, or another of Python's."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *(program or ("-m", "hybridsphere", "bridge")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(started, [])
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def refusal() -> tuple[int | None, str]:
    """Exit code and standard error of a bridge that cannot start."""
    async with command() as bridge, asyncio.timeout(PATIENCE_S):
        out, err = await bridge.process.communicate()
        assert out == b""
        return bridge.process.returncode, err.decode()
