"""The page in a real browser: what somebody sees and does."""

import time
from pathlib import Path

import pytest
from PIL import Image
from yarl import URL

from hybridsphere.demo import people
from tests.page.browser.conftest import TOOLS, NewTab
from tests.page.page_stage import HTML, enrolled, keep, seen, store, wait
from tests.samples import result

pytestmark = pytest.mark.browser

LONG = "a_very_long_name_of_somebody_who_has_many_names_" * 4


def fill(folder: Path) -> None:
    """A folder with everything that can go wrong with a layout."""
    names = [f"student_{number:03}" for number in range(60)]
    store(folder, seen("a.mp4", "ada_quill"), seen("b.mp4"), seen(f"{LONG}.mp4", LONG))
    store(folder, seen("class.mp4", *names), seen(HTML, HTML))
    store(folder, result("bad.mp4", status="failed", reason="x" * 300, people=()))
    wait(folder, "new.mp4")
    keep(folder, "a.mp4", "ada_quill", "otto_brand", None)
    keep(folder, "b.mp4", None)
    keep(folder, "class.mp4", *names[:30])
    keep(folder, HTML, HTML)
    enrolled(folder, ("ada_quill", 0), ("ada_quill", 1), (LONG, 1), (HTML, 2), ("never_seen", 3))


VIEWS = (
    "/",
    "/videos",
    "/video?key=a.mp4",
    "/video?key=bad.mp4",
    "/video?key=class.mp4",
    str(URL("/video").with_query(key=HTML)),
    "/unknown",
    "/people",
    "/person?name=ada_quill",
    "/check",
    "/class",
    "/system",
    "/nothing",
)


async def test_an_upload_appears_within_two_seconds_without_a_reload(
    tmp_path: Path, new_tab: NewTab
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    tab = await new_tab()
    await tab.wait_for_selector("text=ada_quill")
    await tab.evaluate("window.same = true")
    began = time.monotonic()
    store(tmp_path, seen("b.mp4", "otto_brand"))
    await tab.wait_for_selector("text=otto_brand")
    assert time.monotonic() - began < 2
    assert await tab.evaluate("window.same")
    assert await tab.locator(".card .name").all_inner_texts() == ["otto_brand", "ada_quill"]


async def test_a_name_is_corrected_by_keys_alone_and_taken_back(
    tmp_path: Path, new_tab: NewTab
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"), seen("b.mp4", "otto_brand"))
    keep(tmp_path, "a.mp4", "ada_quill")
    keep(tmp_path, "b.mp4", "otto_brand")
    tab = await new_tab(path="/video?key=a.mp4")
    csv = tmp_path / "a.mp4.csv"
    # By the keyboard alone, from the top of the page.
    for _ in range(60):
        await tab.keyboard.press("Tab")
        if await tab.evaluate("document.activeElement.matches('[data-face]')"):
            break
    await tab.keyboard.press("2")
    await tab.wait_for_selector("[data-face] .word:text('confirmed')")
    assert "ada_quill" not in csv.read_text(encoding="utf-8")
    assert await tab.evaluate("document.activeElement.matches('[data-face]')")
    await tab.keyboard.press("z")
    await tab.wait_for_selector("[data-face] .name:text('ada_quill')")
    assert "ada_quill" in csv.read_text(encoding="utf-8")
    await tab.keyboard.press("n")
    await tab.keyboard.type("zoe_neu")
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("[data-face] .name:text('zoe_neu')")
    await tab.wait_for_selector("h1:has-text('zoe_neu')")
    assert "zoe_neu" in csv.read_text(encoding="utf-8")


async def test_a_group_is_named_and_its_past_with_it(tmp_path: Path, new_tab: NewTab) -> None:
    for key in ("a.mp4", "b.mp4"):
        store(tmp_path, seen(key))
        keep(tmp_path, key, None)
    tab = await new_tab(path="/unknown")
    await tab.fill(".group input[name=name]", HTML)
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("#said:has-text('seen 2 times')")
    await tab.wait_for_selector("h1:text('Nobody is unknown.')")
    assert HTML.split()[0] in (tmp_path / "b.mp4.csv").read_text(encoding="utf-8")
    assert await tab.locator("#said img").count() == 0
    await tab.click("#said button")
    await tab.wait_for_selector(".group")


async def test_somebody_is_enrolled_by_a_photograph_and_found_among_the_unknown(
    tmp_path: Path, new_tab: NewTab
) -> None:
    store(tmp_path, seen("a.mp4"))
    keep(tmp_path, "a.mp4", None)
    photograph = tmp_path / "photograph.jpg"
    Image.fromarray(people.photograph("astronaut")).save(photograph)
    tab = await new_tab(path="/people")
    await tab.set_input_files("input[type=file] >> nth=0", photograph)
    await tab.fill("form.panel input[name=name]", HTML)
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector(".outcome h2:text('One photograph of one person enrolled.')")
    assert await tab.locator("main img[onerror]").count() == 0
    # The kept face is of another engine, and is left out with a word.
    await tab.click("text=Look again at the unknown")
    await tab.wait_for_selector("text=Left out: 1 face")
    await tab.goto(str(URL(tab.url).with_path("/people").with_query(None)))
    await tab.set_input_files("input[type=file] >> nth=0", photograph)
    await tab.click("text=Who is this?")
    await tab.wait_for_selector(f"h1:has-text('This is {HTML.split()[0]}')")


async def test_somebody_is_forgotten_by_keys_alone_once_the_name_is_typed(
    tmp_path: Path, new_tab: NewTab
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"), seen("b.mp4", "otto_brand"))
    keep(tmp_path, "a.mp4", "ada_quill")
    enrolled(tmp_path, ("ada_quill", 0), ("otto_brand", 1))
    tab = await new_tab(path="/person?name=ada_quill")
    await tab.focus("summary")
    await tab.keyboard.press("Enter")
    await tab.focus("button.danger")
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("h1:text('Forget ada_quill?')")
    await tab.focus("input[name=typed]")
    await tab.keyboard.type("ada_quill")
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("h2:text('Taken away')")
    await tab.goto(str(URL(tab.url).with_path("/people").with_query(None)))
    assert await tab.locator(".persons .name").all_inner_texts() == ["otto_brand"]


async def test_a_half_entered_name_survives_the_news(tmp_path: Path, new_tab: NewTab) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    keep(tmp_path, "a.mp4", "ada_quill")
    tab = await new_tab(path="/video?key=a.mp4")
    await tab.fill("[data-face] input[name=name]:visible", "zo")
    async with tab.expect_response(lambda answer: "/video" in answer.url):
        store(tmp_path, seen("b.mp4", "ada_quill"))
    assert await tab.input_value("[data-face] input[name=name]:visible") == "zo"


@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_runs_and_nothing_is_wider_than_the_window(
    tmp_path: Path, new_tab: NewTab, served: str, width: int
) -> None:
    # An empty folder first.
    tab = await new_tab(width)
    assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    fill(tmp_path)
    for path in VIEWS:
        await tab.goto(served + path)
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width, path
        assert await tab.locator("img[onerror]").count() == 0, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(tmp_path: Path, new_tab: NewTab, served: str, scheme: str) -> None:
    script = TOOLS / "node_modules/axe-core/axe.min.js"
    if not script.exists():
        pytest.skip("axe-core is missing: npm has it")
    fill(tmp_path)
    tab = await new_tab(scheme=scheme)
    # The page's own policy lets no other script in.
    context = await tab.context.browser.new_context(bypass_csp=True, color_scheme=scheme)
    tab = await context.new_page()
    for path in VIEWS:
        await tab.goto(served + path)
        await tab.add_script_tag(path=script)
        found = await tab.evaluate("axe.run()")
        assert [
            (one["id"], [node["target"] for node in one["nodes"]]) for one in found["violations"]
        ] == [], path
