"""The pages of commands and variables say what the code says."""

import re
import subprocess
import sys
from pathlib import Path

from hybridsphere.settings import PREFIX, Settings, variable
from tests.docs import videos_page

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/cli.md",
    "docs/configuration.md",
    "docs/messages.md",
    "docs/videos.md",
]
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def test_the_page_of_commands_is_made_from_their_help() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "tests.docs.cli_page"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert made == (ROOT / "docs/cli.md").read_text(encoding="utf-8"), "run `make docs`"


def test_the_page_of_videos_is_made_from_the_formats_that_are_read() -> None:
    assert videos_page.page() == (ROOT / "docs/videos.md").read_text(encoding="utf-8")


def documented(section: str) -> dict[str, str]:
    """The variables in the table of a section of the page of variables, with their defaults."""
    table = CONFIGURATION.partition(f"## {section}")[2].partition("\n## ")[0]
    rows = re.findall(rf"^\| `({PREFIX}\w+)` \| (.+?) \|", table, re.MULTILINE)
    return {name: cell.replace("`", "").removeprefix("./") for name, cell in rows}


def as_written(default: object) -> str:
    """A default as the page of variables has it."""
    if isinstance(default, tuple) and isinstance(default[-1], int):
        return ":".join(map(str, default))
    return ", ".join(default) if isinstance(default, tuple) else str(default)


def test_the_page_of_variables_has_each_setting_with_its_default() -> None:
    fields = {name: field.default for name, field in Settings.model_fields.items()}
    # Only `students load` reads the table's name, and commands alone the gallery.
    del fields["table"], fields["gallery"]
    for section, page in (("The bridge", False), ("The page", True)):
        rows = documented(section)
        ours = {name: fields[name] for name in fields if name.startswith("page") == page}
        assert rows.keys() == {variable(name) for name in ours}
        for name, default in ours.items():
            cell = rows[variable(name)]
            none = default in {None, ()}
            assert (
                cell.partition(" ")[0] in {"required", "none"}
                if none
                else (cell == as_written(default))
            )


def test_no_cell_of_a_table_is_longer_than_200_characters() -> None:
    for page in PAGES:
        for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
            cells = line.split(" | ") if line.startswith("|") else []
            assert max(map(len, cells), default=0) <= 200, f"{page}: {line[:60]}"
