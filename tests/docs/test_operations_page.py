"""docs/operations.md lists every event of the logs, every column of the results, every symptom."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridsphere.commands.export import COLUMNS, PEOPLE_COLUMNS
from hybridsphere.messages import ATTENDANCE_COLUMNS
from hybridsphere.troubles import Symptom

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")

EVENT = re.compile(r"[a-z]+\.[a-z_]+")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def events_in(folder: str) -> set[str]:
    """The events that the source in a folder logs."""
    files = sorted((ROOT / folder).rglob("*.py"))
    calls = (
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and logs(node.func)
    )
    return {event for call in calls for event in words(call)}


def logs(function: ast.expr) -> bool:
    """Whether it is called to log: `log.info`, `log`, or a function that passes an event on."""
    match function:
        case ast.Attribute(attr=name):
            return name in LEVELS or name.startswith("_warn")
        case ast.Name(id=name):
            return name == "log" or name.startswith("_warn")
    return False


def words(call: ast.Call) -> Iterator[str]:
    for argument in call.args:
        match argument:
            case ast.Constant(value=str(text)) if EVENT.fullmatch(text):
                yield text


@pytest.mark.parametrize(
    ("folder", "part"),
    [("src/hybridsphere/bridge", "The log"), ("lambda_fn", "The function's log")],
)
def test_every_event_is_listed_and_no_other(folder: str, part: str) -> None:
    told = PAGE.partition(f"## {part}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in told.splitlines() if line.startswith("| `")]
    named = {event for row in rows for event in re.findall(r"`([^`]+)`", row)}
    assert named == events_in(folder)
    assert len(named) > 5


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("a video's CSV", ATTENDANCE_COLUMNS),
        ("`results export`", COLUMNS),
        (
            "`results export --rows people`",
            tuple(column for column in PEOPLE_COLUMNS if column not in COLUMNS),
        ),
    ],
)
def test_every_column_is_listed_and_no_other(table: str, columns: tuple[str, ...]) -> None:
    told = PAGE.partition(f"| column of {table} |")[2].partition("\n\n")[0]
    rows = [line.split(" | ")[0] for line in told.splitlines() if line.startswith("| `")]
    named = [column for row in rows for column in re.findall(r"`([^`]+)`", row)]
    assert sorted(named) == sorted(columns)


SYMPTOMS = PAGE.partition("\n## When something is wrong\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("symptom", Symptom)
def test_every_symptom_has_a_heading_to_link_to(symptom: Symptom) -> None:
    assert f"\n### {symptom.value}\n" in SYMPTOMS
    page, _, anchor = symptom.link.partition("#")
    assert page == "docs/operations.md"
    assert anchor in {
        anchor_of(heading) for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }


def anchor_of(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


ANCHORS = {anchor_of(heading) for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)}


def test_every_heading_of_a_symptom_has_cause_and_fix() -> None:
    parts = SYMPTOMS.split("\n### ")[1:]
    assert len(parts) >= len(Symptom)
    for part in parts:
        assert part.count("\n**Cause.** ") == part.count("\n**Fix.** ") == 1, part


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert links
    assert links <= ANCHORS


def test_no_cell_is_longer_than_a_glance() -> None:
    cells = [cell for line in PAGE.splitlines() if line.startswith("|") for cell in line.split("|")]
    assert [cell for cell in cells if len(cell) > 200] == []
