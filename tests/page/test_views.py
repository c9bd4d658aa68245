"""The views and their forms."""

import csv
import io
from pathlib import Path

import pytest

from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.memory.memory import memory_path
from tests.page.conftest import Open
from tests.page.page_stage import HTML, Visitor, keep, seen, store, wait
from tests.samples import ODD_KEYS, result

SEARCHES = {
    "q=ada": ["b.mp4", "lectures/history.mov"],
    "q=HIST": ["lectures/history.mov"],
    "q=ada+hist": ["lectures/history.mov"],
    "q=istory": [],
    "status=unknown_face": ["visitor.mp4"],
    "status=waiting": ["new.mp4"],
    "person=ada_quill": ["b.mp4", "lectures/history.mov"],
    "person=ada": [],
    "from=2020-01-01&to=2020-12-31": [],
    "from=nonsense&to=9998-12-31": ["new.mp4", "visitor.mp4", "b.mp4", "lectures/history.mov"],
}
"""Questions, and the keys that answer them, the newest first."""

VIEWS = ("/", "/videos", "/unknown", "/people", "/class", "/system")


@pytest.mark.parametrize("path", VIEWS)
async def test_an_empty_folder_is_an_invitation(visitor: Visitor, path: str) -> None:
    text = await visitor.html(path)
    assert "demo --serve" in text
    assert ("Nobody yet." if path == "/people" else "Nothing yet.") in text


async def test_now_says_in_a_sentence_how_it_goes(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"), seen("b.mp4", "otto_brand"))
    wait(tmp_path, "c.mp4")
    await visitor.until(lambda: visitor.site.state.waiting == 1)
    text = await visitor.html("/")
    assert "2 of 3 videos of the last 24 hours are done." in text
    assert "1 in work, the oldest for" in text
    # The newest first.
    assert text.index("c.mp4") < text.index("b.mp4") < text.index("a.mp4")


async def test_an_upload_appears_as_news(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    await visitor.site.observer.news(visitor.site.state.serial, 10)
    async with visitor.client.get("/live") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert b"retry" in await answer.content.readline()
        first = await answer.content.readline()
        store(tmp_path, seen("b.mp4", "ada_quill"))
        while not (line := await answer.content.readline()).startswith(b"data"):
            pass
        assert line != first


async def test_a_video_shows_who_was_seen_and_what_happened(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    kept = keep(tmp_path, "a.mp4", "ada_quill", None)
    text = await visitor.html("/video?key=a.mp4")
    assert f"/pictures/scene/{kept.video}" in text
    assert all(f"/pictures/face/{face}" in text for face in kept.faces)
    assert "unknown 1" in text
    assert all(f"<b>{word}</b>" in text for word in ("uploaded", "started", "finished", "on disk"))
    faces = (await visitor.json("/video.json?key=a.mp4"))["rows"]
    assert [face["name"] for face in faces] == ["ada_quill", "unknown 1"]
    picture = await visitor.get(f"/pictures/face/{kept.faces[0]}")
    assert (picture.status, picture.content_type) == (200, "image/jpeg")


async def test_what_is_not_there_has_a_page_that_says_so(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4"))
    for path in ("/video?key=b.mp4", "/nothing", "/pictures/face/7", "/media?key=b.mp4"):
        answer = await visitor.get(path)
        assert answer.status == 404
        assert "Back to Now" in await answer.text()


async def test_a_search_finds_words_people_statuses_and_days(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("lectures/history.mov", "ada_quill", "otto_brand"))
    store(tmp_path, seen("b.mp4", "ada_quill"), seen("visitor.mp4"))
    wait(tmp_path, "new.mp4")
    await visitor.until(lambda: visitor.site.index.complete)
    for query, keys in SEARCHES.items():
        found = await visitor.json(f"/videos.json?{query}")
        assert [row["key"] for row in found["rows"]] == keys, query


async def test_a_long_list_has_pages_that_neither_repeat_nor_omit(
    visitor: Visitor, tmp_path: Path
) -> None:
    keys = [f"{number:03}.mp4" for number in range(120)]
    store(tmp_path, *(seen(key, "ada_quill") for key in keys))
    await visitor.until(lambda: visitor.site.index.complete)
    for query in ("", "q=ada&"):
        listed, before = [], ""
        while before is not None:
            page = await visitor.json(f"/videos.json?{query}before={before}")
            listed += [row["key"] for row in page["rows"]]
            before = page["next"]
        assert listed == keys[::-1]


@pytest.mark.parametrize("name", ["now", "videos", "video", "people", "system"])
async def test_every_view_is_also_a_table(visitor: Visitor, tmp_path: Path, name: str) -> None:
    store(tmp_path, result("a.mp4", status="failed", reason="=HYPERLINK(1)", people=()))
    query = "?key=a.mp4" if name == "video" else ""
    assert "rows" in await visitor.json(f"/{name}.json{query}")
    answer = await visitor.get(f"/{name}.csv{query}")
    assert answer.content_type == "text/csv"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    rows = list(csv.DictReader(io.StringIO((await answer.text()).lstrip("\ufeff"))))
    assert all(not cell.startswith("=") for row in rows for cell in row.values() if cell)


async def test_html_in_a_key_a_name_and_a_reason_shows_as_text(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen(HTML, HTML), result("f.mp4", status="failed", reason=HTML, people=()))
    keep(tmp_path, HTML, HTML, None)
    paths = [*VIEWS, f"/videos?q={HTML}&person={HTML}", f"/person?name={HTML}", f"/people?q={HTML}"]
    for path in [*paths, f"/video?key={HTML}", "/video?key=f.mp4"]:
        answer = await visitor.get(path)
        assert "<img src=x" not in await answer.text(), path


@pytest.mark.parametrize("key", ODD_KEYS)
async def test_a_video_with_an_odd_key_has_its_page(
    visitor: Visitor, tmp_path: Path, key: str
) -> None:
    store(tmp_path, seen(key, "ada_quill"))
    answer = await visitor.client.get("/video.json", params={"key": key})
    assert (await answer.json())["upload"]["key"] == key


async def test_a_memory_that_cannot_be_read_takes_no_upload_from_the_page(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    memory_path(tmp_path).write_bytes(b"no memory" * 1000)
    await visitor.until(lambda: bool(visitor.site.state.memory))
    assert "ada_quill" in await visitor.html("/video?key=a.mp4")
    for path in VIEWS:
        await visitor.html(path)
    (trouble,) = (await visitor.json("/system.json"))["troubles"]
    assert trouble["part"] == "memory"
    assert (await visitor.post("/say/is", {"face": 1, "name": "x"})).status == 422


async def test_a_ledger_that_cannot_be_read_is_a_trouble_with_its_remedy(
    open_page: Open, tmp_path: Path
) -> None:
    ledger_path(tmp_path).parent.mkdir(parents=True, exist_ok=True)
    ledger_path(tmp_path).write_bytes(b"no ledger" * 1000)
    visitor = await open_page()
    text = await visitor.html("/")
    assert "damaged" in text
    assert (await visitor.client.get("/now.json")).status == 503
    # Once a whole ledger is there, the page shows it.
    ledger_path(tmp_path).unlink()
    store(tmp_path, seen("a.mp4", "ada_quill"))
    await visitor.until(lambda: visitor.site.state.uploads is not None)
    assert "ada_quill" in await visitor.html("/")
