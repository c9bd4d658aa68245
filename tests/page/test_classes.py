"""The class by session: who was there, late or absent; class lists; workbooks."""

import io
import zipfile
from pathlib import Path

import aiohttp
import pytest

from hybridsphere.page.rosters import rosters_folder, save_roster
from tests.page.page_stage import HTML, Visitor, keep, seen, store

ROSTER = "name,major,year\nada_quill,physics,junior\nemil_sorel,art,senior\n"


async def send(visitor: Visitor, content: str, file_name: str = "History 201.csv") -> int:
    await visitor.html("/class")
    form = aiohttp.FormData({"token": visitor.token}, quote_fields=False)
    form.add_field("roster", content.encode(), filename=file_name)
    answer = await visitor.client.post(
        "/class/roster", data=form, headers={"Origin": visitor.origin}, allow_redirects=False
    )
    return answer.status


async def test_a_class_list_makes_a_sheet_that_corrections_follow(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("lecture.mp4", "ada_quill"))
    (face,) = keep(tmp_path, "lecture.mp4", "ada_quill").faces
    assert await send(visitor, ROSTER) == 303
    text = await visitor.html("/class?roster=History 201")
    assert "1 of 1" in text
    assert 'class="dot absent"' in text
    rows = (await visitor.json("/class.json?roster=History 201"))["rows"]
    states = {row["name"]: (row["present"], row["absent"]) for row in rows if row["name"]}
    assert states["ada_quill"] == (1, 0)
    assert states["emil_sorel"] == (0, 1)
    await visitor.say("is", face=face, name="emil_sorel")
    rows = (await visitor.json("/class.json?roster=History 201"))["rows"]
    states = {row["name"]: (row["present"], row["absent"]) for row in rows if row["name"]}
    assert states["ada_quill"] == (0, 1)
    assert states["emil_sorel"] == (1, 0)


async def test_without_a_class_list_everybody_who_was_seen_is_on_the_sheet(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a/1.mp4", "ada_quill"), seen("b/1.mp4", "otto_brand"))
    text = await visitor.html("/class?by=prefix")
    assert "2 sessions, 2 people" in text
    answer = await visitor.get("/class.xlsx?by=prefix")
    with zipfile.ZipFile(io.BytesIO(await answer.read())) as book:
        assert "xl/workbook.xml" in book.namelist()
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("content", "file_name"),
    [("", "a.csv"), ("no,header\n1,2\n", "a.csv"), ("name\nada\nada\n", "a.csv")],
)
async def test_a_file_that_is_no_class_list_is_refused(
    visitor: Visitor, tmp_path: Path, content: str, file_name: str
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    assert await send(visitor, content, file_name) == 422
    assert list(rosters_folder(tmp_path).iterdir()) == []


@pytest.mark.parametrize(
    "file_name", ["../../../etc/passwd", "/etc/passwd.csv", HTML, "a\0b.csv", "x" * 500, ".csv"]
)
def test_a_file_s_name_leads_nowhere(tmp_path: Path, file_name: str) -> None:
    save_roster(tmp_path, file_name, ROSTER.encode())
    (kept,) = rosters_folder(tmp_path).iterdir()
    assert kept.parent == rosters_folder(tmp_path)
    assert kept.suffix == ".csv"
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_an_oversized_class_list_is_refused(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    assert await send(visitor, "name\n" + "x" * 300_000) == 413
