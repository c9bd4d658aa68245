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


def test_the_page_of_variables_has_each_setting_with_its_default() -> None:
    table = CONFIGURATION.partition("## The bridge")[2].partition("\n## ")[0]
    rows = dict(re.findall(rf"^\| `({PREFIX}\w+)` \| (.+?) \|", table, re.MULTILINE))
    fields = {name: field.default for name, field in Settings.model_fields.items()}
    # Only `students load` reads the table's name, and commands alone the gallery.
    del fields["table"], fields["gallery"]
    fields["http"] = ":".join(map(str, fields["http"]))
    assert rows.keys() == {variable(name) for name in fields}
    for name, default in fields.items():
        cell = rows[variable(name)].replace("`", "").removeprefix("./")
        assert (
            cell.partition(" ")[0] in {"required", "none"}
            if default is None
            else cell == str(default)
        )


def test_no_cell_of_a_table_is_longer_than_200_characters() -> None:
    for page in PAGES:
        for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
            cells = line.split(" | ") if line.startswith("|") else []
            assert max(map(len, cells), default=0) <= 200, f"{page}: {line[:60]}"
