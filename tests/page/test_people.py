"""People are renamed, merged, forgotten, and found among the unknown."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hybridsphere.commands.aside import WORK, Outcome
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.memory import Memory
from hybridsphere.page.aside import Aside
from hybridsphere.page.audit import audit_path
from hybridsphere.page.views.found import found_by_photograph
from hybridsphere.recognition.gallery import Gallery
from tests.memory.memory_stage import embedding
from tests.page.conftest import Open
from tests.page.page_stage import HTML, SPACE, Visitor, enrolled, keep, seen, store


@pytest.fixture
async def visitor(open_page: Open, tmp_path: Path) -> Visitor:
    """Somebody at a page that has the place of a gallery."""
    return await open_page(gallery=str(tmp_path / "gallery.npz"))


@pytest.fixture
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Do the work of a child process in this one, which saves its start."""
    monkeypatch.setenv("HYBRIDSPHERE_RESULTS_DIR", str(tmp_path))
    monkeypatch.setenv("HYBRIDSPHERE_GALLERY", str(tmp_path / "gallery.npz"))

    async def work(_: Aside, work: str, __: int, task: Mapping[str, Any]) -> Outcome:
        return await asyncio.to_thread(WORK[work], task)

    monkeypatch.setattr(Aside, "_child", work)


def answers(folder: Path) -> dict[str, list[str]]:
    """The people of each video, as the ledger has them."""
    with Ledger.read(folder) as ledger:
        return {
            upload.key: [str(person["name"]) for person in upload.effective_people]
            for upload in ledger.uploads()
        }


async def act(visitor: Visitor, path: str, **form: object) -> Any:
    """Do something that must succeed; return the outcome, or the place that follows."""
    answer = await visitor.post(path, form)
    assert answer.status in {200, 303}, await answer.text()
    return answer.headers["Location"] if answer.status == 303 else await answer.json()


@pytest.mark.usefixtures("_here")
async def test_a_new_name_is_in_gallery_memory_and_answers(
    visitor: Visitor, tmp_path: Path
) -> None:
    enrolled(tmp_path, ("ada_quill", 0), ("otto_brand", 1))
    store(tmp_path, *(seen(key, "ada_quill") for key in ("found.mp4", "said.mp4", "gone.mp4")))
    keep(tmp_path, "found.mp4", "ada_quill")
    (face,) = keep(tmp_path, "said.mp4", "otto_brand").faces
    await visitor.say("is", face=face, name="ada_quill")
    # The face of the third has expired.
    place = await act(visitor, "/person/rename", name="ada_quill", new=HTML)
    assert place.startswith("/person?name=%3Cimg")
    assert sorted(Gallery.load(tmp_path / "gallery.npz").names) == [HTML, "otto_brand"]
    assert answers(tmp_path) == {key: [HTML] for key in ("found.mp4", "said.mp4", "gone.mp4")}
    assert "onerror" in (tmp_path / "gone.mp4.csv").read_text(encoding="utf-8")
    # A word that was said can still be taken back.
    await visitor.say("undo", face=face)
    await act(visitor, "/person/rename", name=HTML, new="ada_quill", merge="yes")
    assert answers(tmp_path)["found.mp4"] == answers(tmp_path)["gone.mp4"] == ["ada_quill"]
    assert "ada" not in audit_path(tmp_path).read_text(encoding="utf-8")


@pytest.mark.usefixtures("_here")
async def test_two_names_become_one_person_once_that_is_confirmed(
    visitor: Visitor, tmp_path: Path
) -> None:
    enrolled(tmp_path, ("ada", 0), ("ada_quill", 1))
    store(tmp_path, seen("a.mp4", "ada"), seen("b.mp4", "ada_quill"))
    keep(tmp_path, "a.mp4", "ada")
    keep(tmp_path, "b.mp4", "ada_quill")
    form = {"name": "ada", "new": "ada_quill"}
    answer = await visitor.post("/person/rename", form)
    assert "cannot be taken back" in await answer.text()
    assert answers(tmp_path) == {"a.mp4": ["ada"], "b.mp4": ["ada_quill"]}
    await act(visitor, "/person/rename", **form, merge="yes")
    assert answers(tmp_path) == {"a.mp4": ["ada_quill"], "b.mp4": ["ada_quill"]}
    assert Gallery.load(tmp_path / "gallery.npz").names == ["ada_quill"] * 2


async def test_a_consent_ends_and_is_given_again(visitor: Visitor, tmp_path: Path) -> None:
    enrolled(tmp_path, ("ada", 0))
    await act(visitor, "/person/consent", name="ada", until="2020-02-29")
    store(tmp_path, seen("a.mp4", "ada"))
    assert "consent has ended" in await visitor.html("/people")
    await act(visitor, "/person/consent", name="ada", until="")
    assert Gallery.load(tmp_path / "gallery.npz").consents == {}
    for form in ({"name": "ada", "until": "soon"}, {"name": "eve", "until": "2030-01-01"}):
        assert (await visitor.post("/person/consent", form)).status == 422


async def test_somebody_is_forgotten_once_the_name_is_typed(
    visitor: Visitor, tmp_path: Path
) -> None:
    enrolled(tmp_path, ("ada_quill", 0), ("otto_brand", 1))
    store(tmp_path, seen("a.mp4", "ada_quill"), seen("b.mp4", "otto_brand"))
    keep(tmp_path, "a.mp4", "ada_quill")
    plan = await act(visitor, "/person/forget", name="ada_quill")
    assert (plan["found"]["faces"], plan["found"]["gallery_faces"]) == (1, 1)
    for typed in ("", "ada", "ADA_QUILL"):
        form = {"name": "ada_quill", "typed": typed}
        assert (await visitor.post("/person/forget", form)).status == 422
    assert answers(tmp_path)["a.mp4"] == ["ada_quill"]
    done = await act(visitor, "/person/forget", name="ada_quill", typed="ada_quill")
    assert done["searched"]["files"] > 0
    # The page itself reads the databases, so that their old pages may stay a little longer.
    assert {place for place in done["left"] if not place.endswith(".sqlite3")} == set()
    assert Gallery.load(tmp_path / "gallery.npz").names == ["otto_brand"]
    assert "ada_quill" not in await visitor.html("/people")
    assert "ada_quill" not in audit_path(tmp_path).read_text(encoding="utf-8")


@pytest.mark.usefixtures("_here")
async def test_the_unknown_get_the_name_of_somebody_who_was_enrolled_since(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4"), seen("b.mp4", "otto_brand"), seen("c.mp4"))
    keep(tmp_path, "a.mp4", None)
    keep(tmp_path, "b.mp4", "otto_brand")
    (judged,) = keep(tmp_path, "c.mp4", None).faces
    await visitor.say("nobody", face=judged)
    before = answers(tmp_path)
    enrolled(tmp_path, ("zoe", 0))
    found = await act(visitor, "/unknown/again")
    assert [(one["key"], one["to"]) for one in found["changes"]] == [("a.mp4", "zoe")]
    assert answers(tmp_path) == before
    assert await act(visitor, "/unknown/again", apply="yes") == {"faces": 1, "answers": 1}
    # A name stays, and so does the word of a person.
    assert answers(tmp_path) == {"a.mp4": ["zoe"], "b.mp4": ["otto_brand"], "c.mp4": []}
    assert await act(visitor, "/unknown/again", apply="yes") == {"faces": 0, "answers": 0}
    with Memory.read(tmp_path) as memory:
        assert memory.stale() == []


@pytest.mark.usefixtures("_here")
async def test_the_gallery_is_checked_as_the_command_does(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4"))
    assert "Nobody is enrolled yet." in await visitor.html("/check")
    enrolled(tmp_path, (HTML, 0), ("otto_brand", 1))
    text = await visitor.html("/check")
    assert "No advice on the tolerance" in text
    assert "<img" not in text.partition("<main")[2]
    rows = (await visitor.json("/check.json"))["rows"]
    pair = f"{HTML} and otto_brand, 0.71"
    assert {"finding": "nearest pair", "text": pair} in rows


@pytest.mark.usefixtures("_here")
async def test_a_broken_gallery_is_named_and_the_page_goes_on(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada"))
    keep(tmp_path, "a.mp4", "ada")
    (tmp_path / "gallery.npz").write_text("no gallery")
    text = await visitor.html("/people")
    assert "The gallery cannot be read" in text
    assert "ada" in text
    answer = await visitor.post("/person/rename", {"name": "ada", "new": "eve"})
    assert answer.status == 422
    assert answers(tmp_path) == {"a.mp4": ["ada"]}


async def test_a_photograph_finds_the_kept_faces_of_the_same_person(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada"), seen("b.mp4", "otto"), seen("c.mp4"))
    keep(tmp_path, "a.mp4", "ada")
    # The second face of a video is another person's.
    keep(tmp_path, "b.mp4", "otto", "eve")
    keep(tmp_path, "c.mp4", None, None)
    enrolled(tmp_path, ("eve", 1), ("otto", 5))
    photograph = Gallery(["photograph"], embedding(1)[None].astype(float), SPACE)
    view = await visitor.site.read(lambda shelf: found_by_photograph(shelf, photograph, (), 1e12))
    assert (view.about["name"], view.about["certainty"]) == ("eve", "sure")
    assert (view.about["searched"], view.about["until"]) == (5, "")
    found = {row["key"]: row["person"] for row in view.rows}
    assert found == {"b.mp4": "eve", "c.mp4": None}
    # Without time it stops, and says how far it came.
    view = await visitor.site.read(lambda shelf: found_by_photograph(shelf, photograph, (), -1e12))
    assert view.about["until"]
