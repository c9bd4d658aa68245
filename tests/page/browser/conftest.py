import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hybridsphere.page.app import listening
from hybridsphere.settings import Settings
from tests.page.page_stage import settings

TOOLS = Path(__file__).parents[3] / ".cache/page"

Tab = Any
"""A tab of Chromium; Playwright is not among the packages that are type-checked."""

NewTab = Callable[..., Awaitable[Tab]]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a page over the test's folder."""
    place = str(tmp_path / "gallery.npz")
    chosen: Settings = settings(tmp_path, page=("127.0.0.1", 0), gallery=place)
    async with listening(chosen) as address:
        yield address.rstrip("/")


@pytest.fixture
async def new_tab(served: str) -> AsyncIterator[NewTab]:
    """Opens tabs; whatever a page complains about in the console fails the test."""
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("chromium is missing: install Debian's package of this name")
    sys.path.insert(0, str(TOOLS / "lib"))
    try:
        from playwright.async_api import async_playwright  # noqa: PLC0415 - of make page-check
    finally:
        sys.path.remove(str(TOOLS / "lib"))
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        async def open_tab(width: int = 1280, scheme: str = "light", path: str = "/") -> Tab:
            context = await browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme
            )
            tab = await context.new_page()
            tab.on("pageerror", lambda error: complaints.append(str(error)))
            tab.on(
                "console",
                lambda line: (
                    line.type == "error"
                    # A video that cannot be read is a still.
                    and "404" not in line.text
                    and complaints.append(line.text)
                ),
            )
            await tab.goto(served + path, wait_until="load")
            return tab

        yield open_tab
        await browser.close()
    assert complaints == []
