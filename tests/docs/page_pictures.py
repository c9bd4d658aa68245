"""The pictures and the recording of the page, from a demo with its own people.

`make page-pictures` runs it. A guest comes who is not enrolled. The name that the guest gets is in
earlier videos too.
"""

import asyncio
import io
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from hybridsphere.demo.clips import make_clips, make_photos
from hybridsphere.demo.people import known_people

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LIBRARY = ROOT / ".cache/page/lib"

CLIPS = {
    "first row.mp4": "first row.mp4",
    "lectures/history.mov": "lectures/history.mp4",
    "lectures/mécanique.mkv": "lectures/mécanique.mkv",
    "workshop.avi": "workshop.mp4",
    "seminar.webm": "seminar.webm",
    "exchange+guest.mp4": "lectures/welcome.mp4",
}
"""Clips of the demo that show its own people, and the names under which they are uploaded."""

GUEST = "exchange+guest.mp4"
SIZE = (960, 600)
SHARP = 82

Tab = Any
"""A tab of Chromium; Playwright is not among the packages that are type-checked."""


class Recording:
    """The frames of a recording, each with the milliseconds that it stays."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._frames: list[Image.Image] = []
        self._stays_ms: list[int] = []

    async def show(self, stays_ms: int) -> None:
        """Take a frame. An equal frame lets the last stay longer."""
        frame = Image.open(io.BytesIO(await self._tab.screenshot())).convert("RGB")
        if self._frames and frame.tobytes() == self._frames[-1].tobytes():
            self._stays_ms[-1] += stays_ms
            return
        self._frames.append(frame)
        self._stays_ms.append(stays_ms)

    async def until(self, selector: str) -> None:
        """Take frames until something appears, and shortly after."""
        waiting = asyncio.create_task(self._tab.wait_for_selector(selector))
        while not waiting.done():
            await self.show(120)
        await waiting
        for _ in range(4):
            await self.show(120)

    def save(self, file: Path) -> None:
        first, *others = self._frames
        first.save(
            file,
            save_all=True,
            append_images=others,
            duration=self._stays_ms,
            loop=0,
            quality=SHARP,
            method=6,
        )


async def main() -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder)
        async with serving(folder) as (address, environment):
            await picture(folder, address, environment)


def prepare(folder: Path) -> None:
    """Make videos, a gallery without the guest, and students."""
    (folder / "made").mkdir()
    (folder / "photos").mkdir()
    make_photos(folder / "photos")
    *enrolled, guest = known_people()
    (folder / "photos" / f"{guest}.jpg").unlink()
    records = [{"name": name, "major": "history", "year": "senior"} for name in (*enrolled, guest)]
    (folder / "students.json").write_text(json.dumps(records), encoding="utf-8")
    clips = {clip.key: clip.file for clip in make_clips(folder / "made")}
    for key, name in CLIPS.items():
        copy(clips[key], folder / "videos" / name)
    copy(clips[GUEST], folder / "videos" / "lab/opening.mp4")
    copy(clips[GUEST], folder / "later" / "lab/tour.mp4")


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """Run a demo; yield the page's address, and the environment of its account."""
    command = [sys.executable, "-m", "hybridsphere"]
    gallery, students = str(folder / "gallery.npz"), str(folder / "students.json")
    enrolling = [*command, "enroll", str(folder / "photos"), "-o", gallery]
    assert await (await asyncio.create_subprocess_exec(*enrolling)).wait() == 0
    demo = [*command, "demo", "--serve", "--mode", "attendance", "--videos", str(folder / "videos")]
    process = await asyncio.create_subprocess_exec(
        *demo,
        *("--encodings", gallery, "--students", students, "--results", str(folder / "results")),
        env={**os.environ, "COLUMNS": "500"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout
    found: dict[str, str] = {}
    try:
        async for line in process.stdout:
            sys.stdout.write(line.decode())
            for name, pattern in (("page", r"page is at (http\S+)"), ("file", r"\. (/\S+); set")):
                if match := re.search(pattern, line.decode()):
                    found[name] = match[1]
            if len(found) == 2:
                break
        yield found["page"].rstrip("/"), {**os.environ, **variables(Path(found["file"]))}
    finally:
        process.terminate()
        await process.communicate()


def variables(file: Path) -> dict[str, str]:
    """Read a file of `NAME=value` lines."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


async def picture(folder: Path, address: str, environment: dict[str, str]) -> None:
    """Take the recording, then the pictures."""
    sys.path.insert(0, str(LIBRARY))
    from playwright.async_api import async_playwright  # noqa: PLC0415 - of make page-check

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )

        async def tab(path: str, size: tuple[int, int], scheme: str = "light") -> Tab:
            width, height = size
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                locale="en-GB",
                timezone_id="Europe/Athens",
            )
            made = await context.new_page()
            await made.goto(address + path, wait_until="load")
            await made.wait_for_timeout(1500)
            return made

        await record(await tab("/", SIZE), folder / "later", environment)
        for name, path, size, scheme in (
            ("now", "/", (1280, 800), "light"),
            ("video", "/video?key=first+row.mp4", (1280, 720), "dark"),
            ("class", "/class", (1280, 560), "light"),
            ("people", "/people", (1280, 560), "light"),
            ("phone", "/", (360, 720), "light"),
        ):
            shown = await tab(path, size, scheme)
            shot = Image.open(io.BytesIO(await shown.screenshot())).convert("RGB")
            shot.quantize(256).save(DOCS / f"page-{name}.png", optimize=True)
        await browser.close()


async def record(tab: Tab, later: Path, environment: dict[str, str]) -> None:
    """Record how a video comes, a guest is named, and their past with them."""
    recording = Recording(tab)
    await recording.show(1500)
    uploading = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hybridsphere", "workload", "upload", str(later)), env=environment
    )
    await recording.until(".card:has-text('lab/tour.mp4'):has-text('unknown')")
    await uploading.wait()
    await recording.show(1800)
    await tab.click("nav >> text=Unknown")
    await tab.wait_for_timeout(300)
    await recording.show(1500)
    name = list(known_people())[-1]
    await tab.focus(".group input[name=name]")
    for letter in name:
        await tab.keyboard.type(letter)
        await recording.show(90)
    await recording.show(500)
    await tab.keyboard.press("Enter")
    await recording.until("h1:has-text('Nobody is unknown')")
    await recording.show(1500)
    await tab.click("nav >> text=Now")
    await tab.wait_for_timeout(400)
    await recording.show(3500)
    recording.save(DOCS / "page.webp")


if __name__ == "__main__":
    asyncio.run(main())
