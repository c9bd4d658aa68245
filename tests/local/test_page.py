"""The page as a child process."""

import os
import socket
from pathlib import Path

import aiohttp
import pytest

from hybridsphere.errors import CannotRun
from hybridsphere.local.page import free_port, running_page


async def test_a_page_answers_and_ends_with_its_context(tmp_path: Path) -> None:
    environment = {**os.environ, "HYBRIDSPHERE_RESULTS_DIR": str(tmp_path)}
    async with (
        running_page(environment, tmp_path / "page.log") as address,
        aiohttp.ClientSession() as session,
        session.get(address) as answer,
    ):
        assert answer.status == 200
        assert "HybridSphere" in await answer.text()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(address)


async def test_a_page_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    environment = {**os.environ, "HYBRIDSPHERE_PAGE_USERS": str(tmp_path / "none")}
    with pytest.raises(CannotRun, match="exit code 2"):
        async with running_page(environment, tmp_path / "page.log"):
            pass


def test_the_usual_port_is_left_to_who_has_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]
