"""A page over real files: a ledger and a memory, asked as a browser asks."""

import asyncio
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from PIL import Image

from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.video import Scene
from hybridsphere.messages import Person, Result, csv_text, utc_text
from hybridsphere.page.site import SITE, Site
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import Space
from hybridsphere.settings import Settings
from tests.memory.memory_stage import embedding, face, video
from tests.samples import BUCKET, record, result
from tests.stage import PATIENCE_S

HTML = '<img src=x onerror="alert(1)">'
"""A text that would run, were it not escaped."""


def picture(width: int = 64, height: int = 36) -> bytes:
    """A JPEG that a browser shows."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, "JPEG")
    return out.getvalue()


SPACE = Space("yunet-sface", "d" * 64, 0.5)
"""The space of the faces that `keep` makes."""

BROWSER = {"Accept": "text/html"}


class Kept(NamedTuple):
    """A video in the memory: its id, and those of its faces."""

    video: int
    faces: list[int]


def store(folder: Path, *results: Result) -> None:
    """Store results as the bridge does."""
    ledger_path(folder).parent.mkdir(parents=True, exist_ok=True)
    with Ledger.open(folder) as ledger, ledger.transaction():
        ledger.claim(BUCKET)
        for one in results:
            ledger.put_result(one, utc_text())


def wait(folder: Path, key: str) -> None:
    """Note an upload that was invoked, and has no result yet."""
    ledger_path(folder).parent.mkdir(parents=True, exist_ok=True)
    with Ledger.open(folder) as ledger, ledger.transaction():
        ledger.note_invoked(record(key), utc_text(), utc_text())


def seen(key: str, *names: str, **more: Any) -> Result:
    """A result with these people."""
    rows = [(name, "physics", "junior", "matched") for name in names]
    people = tuple(Person(name, "physics", "junior", distance=0.3, at_s=0) for name in names)
    status = "matched" if names else "unknown_face"
    text = csv_text(rows or [("", "", "", status)])
    return result(key, people=people, status=status, csv=text, **more)


def keep(folder: Path, key: str, *names: str | None) -> Kept:
    """Keep the faces of a result that is stored, one a name; None is a stranger."""
    version = record(key).version.id
    with Memory.open(folder) as memory, memory.transaction():
        faces = [
            replace(face(number, number, name), jpeg=picture(32, 32))
            for number, name in enumerate(names)
        ]
        one = memory.take(video(key, version=version), faces, Scene(500, picture()))
        return Kept(one, [found.id for found in memory.faces(one)])


def enrolled(folder: Path, *people: tuple[str, int]) -> Gallery:
    """Write a gallery of people, each with the face of a number."""
    rows = np.stack([embedding(face).astype(float) for _, face in people])
    gallery = Gallery([name for name, _ in people], rows, SPACE)
    gallery.save(folder / "gallery.npz")
    return gallery


def settings(folder: Path, **more: Any) -> Settings:
    fields = {"results_dir": folder, "http": None, "input_bucket": BUCKET}
    return Settings.model_construct(
        **{name: field.default for name, field in Settings.model_fields.items()} | fields | more
    )


class Visitor:
    """A browser that has loaded a page, with its cookie and its token."""

    def __init__(self, client: "TestClient[Any, Any]") -> None:
        self.client = client
        self.token = ""

    @property
    def site(self) -> Site:
        app = self.client.app
        assert app is not None
        return app[SITE]

    @property
    def origin(self) -> str:
        return str(self.client.make_url("/")).rstrip("/")

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the page's own view of the files is as it should be."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await self.site.observer.news(self.site.state.serial, 0.2)

    async def get(self, path: str, **headers: str) -> ClientResponse:
        return await self.client.get(path, headers={**BROWSER, **headers}, allow_redirects=False)

    async def html(self, path: str) -> str:
        """Load a page, and remember its token."""
        answer = await self.get(path)
        text = await answer.text()
        assert answer.status == 200, text
        found = re.search(r'data-token="([^"]+)"', text)
        assert found
        self.token = found[1]
        return text

    async def json(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.status == 200, await answer.text()
        return await answer.json()

    async def post(self, path: str, form: Mapping[str, object], **headers: str) -> ClientResponse:
        """Send a form as this page's own script does."""
        if not self.token:
            await self.html("/login" if self.site.gate.login else "/")
        data = {"token": self.token, **{name: str(value) for name, value in form.items()}}
        return await self.client.post(
            path,
            data=data,
            headers={"Origin": self.origin, **headers},
            allow_redirects=False,
        )

    async def say(self, word: str, **form: object) -> Any:
        """Say a word of a face that must be taken."""
        answer = await self.post(f"/say/{word}", form)
        assert answer.status == 200, await answer.text()
        return await answer.json()
