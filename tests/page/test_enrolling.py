"""People are enrolled by photographs, and searched by one, with bounds on what is sent."""

import asyncio
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

from hybridsphere.demo.people import photograph
from hybridsphere.errors import CannotRun
from hybridsphere.page import security
from hybridsphere.page.audit import audit_path
from hybridsphere.recognition.gallery import Gallery
from tests.page.conftest import Open
from tests.page.page_stage import HTML, Visitor, keep, seen, store

ENROLL = "/people/enroll"
SEARCH = "/people/search"


@pytest.fixture(scope="module")
def astronaut() -> bytes:
    """The photograph of somebody, as a phone saves it."""
    out = io.BytesIO()
    Image.fromarray(photograph("astronaut")).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
async def visitor(open_page: Open, tmp_path: Path) -> Visitor:
    """Somebody at a page that has the place of a gallery."""
    return await open_page(gallery=str(tmp_path / "gallery.npz"))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def send(
    visitor: Visitor, path: str, *files: tuple[str, bytes], name: str = "", **headers: str
) -> tuple[int, Any]:
    """Send photographs as a browser does; return the status and the outcome."""
    if not visitor.token:
        await visitor.html("/")
    form = FormData({"token": visitor.token, "name": name}, quote_fields=False)
    for file, content in files:
        form.add_field("photos", io.BytesIO(content), filename=file, content_type="image/jpeg")
    answer = await visitor.client.post(
        path, data=form, headers={"Origin": visitor.origin, **headers}, allow_redirects=False
    )
    if answer.content_type == "application/json":
        return answer.status, await answer.json()
    return answer.status, await answer.text()


async def test_somebody_is_enrolled_twice_over_shown_and_found_again(
    visitor: Visitor, astronaut: bytes, tmp_path: Path, scratch: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    keep(tmp_path, "a.mp4", "ada_quill")
    files = [
        ("../../eve.jpg", astronaut),
        ("class/eve/2.png", astronaut),
        ("broken.jpg", b"no picture"),
        (f"{HTML}.jpg", b""),
    ]
    for _ in range(2):
        status, done = await send(visitor, ENROLL, *files)
        assert (status, done["people"]) == (200, {"eve": 2})
        assert [one["file"] for one in done["remarks"]] == ["broken.jpg", f"{HTML}.jpg"]
    assert Gallery.load(tmp_path / "gallery.npz").names == ["eve"]
    rows = (await visitor.json("/people.json"))["rows"]
    assert [(row["name"], row["photographs"]) for row in rows] == [("ada_quill", 0), ("eve", 1)]
    status, found = await send(visitor, SEARCH, ("b.jpg", astronaut))
    assert (status, found["name"], found["certainty"]) == (200, "eve", "sure")
    # Kept faces of another engine cannot be compared with it.
    assert (found["searched"], found["rows"]) == (0, [])
    assert "eve" not in audit_path(tmp_path).read_text(encoding="utf-8")
    assert files_below(scratch) == []


async def test_a_class_is_enrolled_before_its_first_video(
    visitor: Visitor, astronaut: bytes
) -> None:
    assert "Nobody yet." in await visitor.html("/people")
    status, text = await send(visitor, ENROLL, ("eve.jpg", astronaut), Accept="text/html")
    assert status == 200
    assert "One photograph of one person enrolled." in text
    rows = (await visitor.json("/people.json"))["rows"]
    assert [(row["name"], row["photographs"]) for row in rows] == [("eve", 1)]
    # Without results there is nothing to rename yet.
    assert (await visitor.post("/person/rename", {"name": "eve", "new": "ada"})).status == 503


async def test_what_is_no_photograph_is_refused_and_changes_nothing(
    visitor: Visitor, tmp_path: Path
) -> None:
    html = {"Accept": "text/html"}
    status, text = await send(visitor, ENROLL, (f"{HTML}.jpg", b"x"), name=HTML, **html)
    assert status == 422
    assert "onerror=" in text
    assert "<img" not in text.partition("<main")[2]
    assert str(tempfile.gettempdir()) not in text
    for files, name in (
        ((), "eve"),
        ((("a.jpg", b"x"),), "e" * 201),
        ((("a.jpg", b"x"),), "a\0b"),
        ((("/", b"x"),), ""),
    ):
        assert (await send(visitor, ENROLL, *files, name=name))[0] == 422
    many = [(f"{number}.jpg", b"x") for number in range(101)]
    assert (await send(visitor, ENROLL, *many))[0] == 422
    assert not (tmp_path / "gallery.npz").exists()


async def test_an_upload_that_is_too_large_or_from_elsewhere_is_refused(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "LARGEST_UPLOAD", 2**20)
    status, text = await send(visitor, ENROLL, ("a.jpg", bytes(2 * 2**20)))
    assert status == 413
    assert "more than 1 MB or 500 files at once" in text
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert (await send(visitor, ENROLL, ("a.jpg", b"x"), **headers))[0] == 403
    visitor.token = "forged"
    assert (await send(visitor, ENROLL, ("a.jpg", b"x")))[0] == 403
    # Other forms stay small.
    assert (await send(visitor, "/say/is", ("a.jpg", bytes(2**19))))[0] == 413


async def test_work_that_takes_too_long_or_dies_is_reported(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = visitor.site.aside
    with pytest.raises(CannotRun, match="longer than 0 seconds"):
        await aside.run("enroll", 0, photos="/", output="/", engine="")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CannotRun, match="ended in the middle"):
        await aside.run("enroll", 5, photos="/", output="/", engine="")
    running = [asyncio.create_task(aside.run("enroll", 5)) for _ in range(8)]
    refused = [str(one) for one in await asyncio.gather(*running, return_exceptions=True)]
    assert sum("too much is asked" in one for one in refused) == 3
