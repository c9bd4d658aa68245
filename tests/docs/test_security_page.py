"""docs/security.md names the tests that show what it says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


def test_every_threat_and_every_secret_names_a_test() -> None:
    sections = PAGE.split("\n### ")[1:]
    assert len(sections) >= 10
    assert all("\nTests:\n\n- `tests/" in section for section in sections)
    # None is written in a way that the test below would not see.
    assert len(re.findall(r"`tests/", PAGE)) == len(re.findall(r"`tests/[\w/]+\.py::\w+`", PAGE))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))
    assert name in {function.name for function in functions}


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
