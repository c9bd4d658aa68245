"""The container's health check, as Docker runs it."""

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from hybridsphere.bridge.telemetry.http import listen
from tests.bridge.bridge_stage import Journal, Vitals

DOCKERFILE = Path(__file__).parents[3] / "Dockerfile.bridge"
MODULE = "hybridsphere.bridge.telemetry.alive"


async def exit_code(address: str) -> int:
    checked = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULE), env={**os.environ, "HYBRIDSPHERE_HTTP": address}
    )
    return await checked.wait()


def test_the_image_runs_this_check() -> None:
    assert f'CMD ["python", "-m", "{MODULE}"]' in DOCKERFILE.read_text()


async def test_a_bridge_that_answers_is_healthy(vitals: Vitals, journal: Journal) -> None:
    async with listen(("127.0.0.1", 0), "videos", vitals.health, vitals.metrics):
        port = (await journal.seen("web.listening"))["port"]
        vitals.health.report("results", "disk full")
        for host in ("127.0.0.1", "0.0.0.0", "localhost"):
            assert await exit_code(f"{host}:{port}") == 0


async def test_a_bridge_that_does_not_answer_is_unhealthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert await exit_code(f"127.0.0.1:{port}") == 1


@pytest.mark.parametrize("address", ["", "127.0.0.1:0"])
async def test_a_bridge_without_an_address_is_healthy(address: str) -> None:
    assert await exit_code(address) == 0
