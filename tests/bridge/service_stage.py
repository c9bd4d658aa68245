"""Whole bridges: in this process, where their parts can be seen, and those that cannot start."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest

from hybridsphere.bridge.service import Bridge
from hybridsphere.settings import Settings
from tests.bridge.bridge_stage import Journal, RealFunction
from tests.bridge_process import USUAL
from tests.forked import Forked
from tests.leaks import found_in
from tests.stage import PATIENCE_S, is_told_to_bridges, variables


def enter(patch: pytest.MonkeyPatch, moto: str, function: RealFunction, **ours: str) -> None:
    """Make the environment that of an account here; `ours` are variables without their prefix."""
    for name in filter(is_told_to_bridges, list(os.environ)):
        patch.delenv(name)
    for name, text in variables(moto, function.endpoint, **{"DRAIN_S": "8", **ours}).items():
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


async def refusal() -> tuple[int | None, str]:
    """Exit code and standard error of a bridge that cannot start."""
    process = await Forked.start(*USUAL[1:])
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert out == b""
    assert found_in(err.decode()) == []
    return process.returncode, err.decode()
