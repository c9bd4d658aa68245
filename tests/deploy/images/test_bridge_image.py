"""The bridge's image: its command, its health check and its end, against a local account."""

import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hybridsphere.local.account import LocalAccount
from tests.deploy.images.image_stage import Container, Running, client_of

pytestmark = pytest.mark.images


@pytest.fixture
def address() -> str:
    """A free one: the image's own may be taken, since the containers share this network."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        return f"{host}:{port}"


@pytest.fixture
def volume(bridge_image: Container, tmp_path: Path) -> Path:
    """The folder behind the image's one volume; it is the image's user's, and nothing else is."""
    folder = tmp_path / "volume"
    folder.mkdir()
    user, group = bridge_image.config["User"].split(":")
    os.chown(folder, int(user), int(group))
    return folder


@pytest.fixture
async def bridge(
    bridge_image: Container, account: LocalAccount, address: str, volume: Path, tmp_path: Path
) -> AsyncIterator[Running]:
    """The image's command, ready."""
    (place,) = bridge_image.config["Volumes"]
    environment = {**account.environment(), "HYBRIDSPHERE_HTTP": address}
    log = tmp_path / "bridge.log"
    command = bridge_image.command
    async with bridge_image.running(command, environment, log, {volume: place}) as running:
        await running.printed("bridge.ready")
        yield running


async def is_healthy(image: Container, address: str, log: Path) -> bool:
    """Run the image's health check beside its command, as an engine does."""
    kind, *command = image.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    async with image.running(command, {"HYBRIDSPHERE_HTTP": address}, log) as check:
        return await check.ended() == 0


async def test_it_is_healthy_while_it_runs_and_drains_when_it_is_told_to(
    bridge: Running, bridge_image: Container, address: str, tmp_path: Path
) -> None:
    assert await is_healthy(bridge_image, address, tmp_path / "check.log")
    bridge.signal(getattr(signal, bridge_image.config["StopSignal"]))
    assert await bridge.ended() == 0
    assert "bridge.draining" in bridge.text
    assert "bridge.stopped" in bridge.text
    assert not await is_healthy(bridge_image, address, tmp_path / "check.log")


async def test_on_a_read_only_root_a_result_reaches_the_volume(
    bridge: Running, account: LocalAccount, volume: Path
) -> None:
    bucket = account.environment()["HYBRIDSPHERE_INPUT_BUCKET"]
    async with client_of(account, "s3") as s3:
        await s3.put_object(Bucket=bucket, Key="notes.mp4", Body=b"no video")
    await bridge.printed("result.written")
    bridge.signal(signal.SIGTERM)
    assert await bridge.ended() == 0
    assert (volume / "results/notes.mp4.csv").read_text().endswith(",,,unreadable\n")


async def test_a_configuration_that_cannot_work_ends_it_at_once(
    bridge_image: Container, tmp_path: Path
) -> None:
    log = tmp_path / "bridge.log"
    async with bridge_image.running(bridge_image.command, {}, log) as running:
        assert await running.ended() == 2
        assert "HYBRIDSPHERE_INPUT_BUCKET" in running.text


def test_it_listens_where_a_published_port_reaches_it(bridge_image: Container) -> None:
    assert "HYBRIDSPHERE_HTTP=0.0.0.0:8080" in bridge_image.config["Env"]
    assert "8080/tcp" in bridge_image.config["ExposedPorts"]
