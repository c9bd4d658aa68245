"""Notifications to the service manager, over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.systemd import STATUS_LENGTH, ServiceManager
from tests.bridge.bridge_stage import Journal
from tests.stage import PATIENCE_S

LONGEST_DATAGRAM = 4096
"""Bytes that systemd reads (NOTIFY_BUFFER_MAX); it ignores a longer datagram."""


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
    text = await asyncio.wait_for(loop.sock_recv(receiver, 65536), PATIENCE_S)
    assert len(text) <= LONGEST_DATAGRAM
    return text.decode().split("\n")


async def status_told(receiver: socket.socket) -> str:
    """The next status; what comes before it says that all is well, and nothing else."""
    async with asyncio.timeout(PATIENCE_S):
        while (words := await told(receiver)) == ["WATCHDOG=1"]:
            pass
    (status,) = words
    return status.removeprefix("STATUS=")


@asynccontextmanager
async def watched(health: Health) -> AsyncIterator[None]:
    """Every hundredth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATCHDOG_USEC", "30000")
        watch = asyncio.create_task(ServiceManager().watch(health))
    try:
        yield
        assert not watch.done()
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def test_start_and_stop_are_notified(manager_socket: socket.socket) -> None:
    manager = ServiceManager()
    manager.ready()
    assert "READY=1" in await told(manager_socket)
    manager.stopping()
    assert "STOPPING=1" in await told(manager_socket)


async def test_the_status_is_repeated_with_every_trouble(
    manager_socket: socket.socket,
) -> None:
    health = Health()
    health.started()
    async with watched(health):
        assert await told(manager_socket) == ["WATCHDOG=1"]
        assert await told(manager_socket) == ["STATUS=polling"]
        health.report("results", "disk\nfull")
        async with asyncio.timeout(PATIENCE_S):
            while await status_told(manager_socket) != "results: disk full":
                pass
        assert await told(manager_socket) == ["WATCHDOG=1"]


async def test_a_start_that_waits_asks_for_more_time(manager_socket: socket.socket) -> None:
    health = Health()
    async with watched(health):
        for _ in range(2):
            assert await told(manager_socket) == ["WATCHDOG=1"]
            assert await told(manager_socket) == ["STATUS=bridge: starting"]
        health.report("results", "disk full")
        async with asyncio.timeout(PATIENCE_S):
            while await told(manager_socket) != ["EXTEND_TIMEOUT_USEC=120000000"]:
                pass


@pytest.mark.parametrize(
    "troubles",
    [
        {"input queue": f"ReceiveMessage: 403: <html>{'x' * 7000}"},
        {f"file /results/{i}.mp4.csv": f"[Errno 21] Is a directory: '{i}'" for i in range(300)},
        {"output queue": "🎬" * 7000},
        {"file /\udcff\n.csv": "[Errno 21] Is a directory: '/\udcff\\n.csv'"},
    ],
    ids=["a page", "many", "beyond ASCII", "no UTF-8"],
)
async def test_every_trouble_is_reported_beside_the_watchdog(
    manager_socket: socket.socket, troubles: dict[str, str]
) -> None:
    health = Health()
    health.started()
    for part, reason in troubles.items():
        health.report(part, reason)
    part = next(iter(troubles)).encode(errors="replace").decode().replace("\n", " ")
    async with watched(health):
        for _ in range(2):
            assert await told(manager_socket) == ["WATCHDOG=1"]
            status = await status_told(manager_socket)
            assert status.startswith(f"{part}: ")
            assert len(status) <= STATUS_LENGTH


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


async def test_a_service_manager_that_does_not_read_stops_no_bridge(
    manager_socket: socket.socket, journal: Journal
) -> None:
    manager = ServiceManager()
    while not journal.of("manager.unreachable"):
        manager.ready()
