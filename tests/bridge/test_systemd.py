"""What the service manager is told, over a real socket."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from bridge_stage import Journal
from stage import PATIENCE_S

from hybridsphere.bridge.health import Health
from hybridsphere.bridge.systemd import ServiceManager


@pytest.fixture(params=["file", "abstract"])
def manager_socket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """The service manager's end, named as systemd names it."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0"))
        receiver.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)
        yield receiver


async def told(receiver: socket.socket) -> list[str]:
    loop = asyncio.get_running_loop()
    text = await asyncio.wait_for(loop.sock_recv(receiver, 4096), PATIENCE_S)
    return text.decode().split("\n")


async def test_it_is_told_of_the_start_and_the_stop(manager_socket: socket.socket) -> None:
    manager = ServiceManager()
    manager.ready()
    assert "READY=1" in await told(manager_socket)
    manager.stopping()
    assert "STOPPING=1" in await told(manager_socket)


async def test_it_is_told_again_and_again_that_all_is_well_or_what_is_not(
    manager_socket: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    health = Health()
    health.started()
    watch = asyncio.create_task(ServiceManager().watch(health))
    assert await told(manager_socket) == ["WATCHDOG=1", "STATUS=polling"]
    health.report("results", "disk\nfull")
    assert await told(manager_socket) == ["WATCHDOG=1", "STATUS=results: disk full"]
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def test_without_a_service_manager_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    manager = ServiceManager()
    manager.ready()
    manager.stopping()
    async with asyncio.timeout(PATIENCE_S):
        await manager.watch(Health())


async def test_a_service_manager_that_does_not_listen_is_no_reason_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    ServiceManager().ready()
    assert journal.of("manager.unreachable")


async def test_a_service_manager_that_does_not_read_does_not_stop_the_bridge(
    manager_socket: socket.socket, journal: Journal
) -> None:
    manager = ServiceManager()
    while not journal.of("manager.unreachable"):
        manager.ready()
