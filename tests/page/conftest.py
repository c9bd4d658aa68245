from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hybridsphere.page.app import make_app
from hybridsphere.page.patience import Patience
from tests.page.page_stage import Visitor, settings

Open = Callable[..., Awaitable[Visitor]]


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials: these pages read no videos."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
async def open_page(tmp_path: Path) -> AsyncIterator[Open]:
    """Open a page over the test's folder, with these settings."""
    clients: list[TestClient[Any, Any]] = []

    async def start(**more: Any) -> Visitor:
        chosen = settings(tmp_path, **more)
        # Its own port, as the settings would name it.
        server = TestServer(make_app(chosen), host="127.0.0.1")
        client: TestClient[Any, Any] = TestClient(server)
        await client.start_server()
        clients.append(client)
        return Visitor(client)

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def visitor(open_page: Open) -> Visitor:
    """Somebody at a page on loop-back, where anybody may do everything."""
    return await open_page()


@pytest.fixture
def clock() -> "Clock":
    return Clock()


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def patience(self) -> Patience:
        return Patience(self)
