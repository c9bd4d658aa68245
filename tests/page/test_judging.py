"""Judgements take effect at once, everywhere, and can be taken back."""

from pathlib import Path

from hybridsphere.ledger.ledger import Ledger
from hybridsphere.page.audit import audit_path
from tests.page.page_stage import HTML, Visitor, keep, seen, store
from tests.samples import BUCKET


def people(folder: Path, key: str) -> list[str]:
    """The people of a video, as the ledger has them."""
    with Ledger.read(folder) as ledger:
        found = ledger.newest(BUCKET, key)
        assert found
        return [str(person["name"]) for person in found.effective_people]


async def test_a_corrected_face_is_in_page_ledger_and_file_and_can_be_taken_back(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    (face,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    assert (await visitor.say("is", face=face, name="otto_brand"))["face"] == face
    assert people(tmp_path, "a.mp4") == ["otto_brand"]
    assert "otto_brand" in (tmp_path / "a.mp4.csv").read_text(encoding="utf-8")
    assert "otto_brand" in await visitor.html("/")
    await visitor.say("undo", face=face)
    assert people(tmp_path, "a.mp4") == ["ada_quill"]
    assert "ada_quill" in (tmp_path / "a.mp4.csv").read_text(encoding="utf-8")


async def test_somebody_else_and_no_face_leave_no_name(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"), seen("b.mp4", "ada_quill"))
    (one,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    (other,) = keep(tmp_path, "b.mp4", "ada_quill").faces
    await visitor.say("is_not", face=one, name="ada_quill")
    await visitor.say("nobody", face=other)
    assert people(tmp_path, "a.mp4") == people(tmp_path, "b.mp4") == []


async def test_a_named_group_names_its_past_and_loses_the_name_again(
    visitor: Visitor, tmp_path: Path
) -> None:
    keys = ["a.mp4", "b.mp4", "c.mp4"]
    store(tmp_path, *map(seen, keys))
    for key in keys:
        keep(tmp_path, key, None)
    (group,) = (await visitor.json("/unknown.json"))["rows"]
    assert (group["size"], group["videos"]) == (3, 3)
    said = await visitor.say("name_group", group=group["id"], name="zoe_neu")
    assert said["text"] == "zoe_neu, seen 3 times."
    assert [people(tmp_path, key) for key in keys] == [["zoe_neu"]] * 3
    assert (await visitor.json("/unknown.json"))["rows"] == []
    await visitor.say("unname_group", group=group["id"])
    assert [people(tmp_path, key) for key in keys] == [[]] * 3


async def test_a_name_is_searched_as_soon_as_it_is_given(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4"))
    (face,) = keep(tmp_path, "a.mp4", None).faces
    await visitor.until(lambda: visitor.site.index.complete)
    await visitor.say("is", face=face, name="zoe_neu")
    found: list[dict[str, str]] = []
    while not found:
        await visitor.site.observer.news(visitor.site.state.serial, 1)
        found = (await visitor.json("/videos.json?q=zoe"))["rows"]
    assert found[0]["key"] == "a.mp4"


async def test_a_name_in_another_spelling_is_the_known_person_s(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"), seen("b.mp4", "otto_brand"))
    (face,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    keep(tmp_path, "b.mp4", "otto_brand")
    assert (await visitor.say("is", face=face, name=" Otto  Brand"))[
        "text"
    ] == "This is otto_brand."
    assert people(tmp_path, "a.mp4") == ["otto_brand"]


async def test_a_withdrawn_correction_is_searched_again(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    (face,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    await visitor.until(lambda: visitor.site.index.complete)
    for word, keys in (("is_not", []), ("undo", ["a.mp4"])):
        serial = visitor.site.state.serial
        await visitor.say(word, face=face, name="ada_quill")
        found = None
        while found != keys:
            serial = await visitor.site.observer.news(serial, 1)
            rows = (await visitor.json("/videos.json?person=ada_quill"))["rows"]
            found = [row["key"] for row in rows]


async def test_now_counts_the_answers_that_people_get(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4"), seen("b.mp4"))
    (face,) = keep(tmp_path, "a.mp4", None).faces
    await visitor.until(lambda: visitor.site.state.latest == {"unknown_face": 2})
    await visitor.say("is", face=face, name="zoe_neu")
    await visitor.until(lambda: visitor.site.state.latest.get("no_record") == 1)
    assert "1 with nobody but strangers" in (await visitor.html("/")).lower()
    await visitor.say("undo", face=face)
    await visitor.until(lambda: visitor.site.state.latest.get("unknown_face") == 2)


async def test_a_word_that_cannot_be_taken_is_refused_with_the_reason(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    (face,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    for word, form in (
        ("is", {"face": face, "name": ""}),
        ("is", {"face": face, "name": "a\0b"}),
        ("is", {"face": 99, "name": "ada"}),
        ("is", {"face": "1 OR 1=1", "name": "ada"}),
        ("is", {"face": "9" * 30, "name": "ada"}),
        ("undo", {"face": face}),
        ("name_group", {"group": 99, "name": "ada"}),
        ("unname_group", {"group": "x"}),
    ):
        answer = await visitor.post(f"/say/{word}", form)
        assert answer.status == 422, (word, form)
        assert await answer.text()
    assert (await visitor.post("/say/anything", {})).status == 404
    assert people(tmp_path, "a.mp4") == ["ada_quill"]


async def test_a_form_without_a_script_returns_to_its_page_and_to_no_other_site(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    (face,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    for back, place in (
        ("/video?key=a.mp4", "/video?key=a.mp4"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("https://evil.example/", "/"),
    ):
        form = {"face": face, "name": "otto", "back": back}
        answer = await visitor.post("/say/is", form, Accept="text/html")
        assert (answer.status, answer.headers["Location"]) == (303, place)


async def test_every_change_has_a_line_in_the_audit_without_anybody_s_name(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4"))
    (face,) = keep(tmp_path, "a.mp4", None).faces
    await visitor.say("is", face=face, name=HTML)
    (line,) = audit_path(tmp_path).read_text(encoding="utf-8").splitlines()
    assert f'"face": "{face}"' in line
    # A person who is to be forgotten stands in no further file.
    assert "onerror" not in line
    assert audit_path(tmp_path).stat().st_mode & 0o777 == 0o600


async def test_a_word_stands_while_the_ledger_is_busy(visitor: Visitor, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    (face,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    with Ledger.open(tmp_path) as other, other.transaction():
        said = await visitor.say("is", face=face, name="otto_brand")
        assert said["text"] == "This is otto_brand. The answer follows later."
    await visitor.say("is", face=face, name="otto_brand")
    assert people(tmp_path, "a.mp4") == ["otto_brand"]
