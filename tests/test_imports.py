"""What imports what: both packages can be read from the bottom up."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "src" / "hybridsphere", ROOT / "lambda_fn")


def modules() -> dict[str, Path]:
    """The file of each module, by its name."""
    files = {
        ".".join(file.relative_to(package.parent).with_suffix("").parts): file
        for package in PACKAGES
        for file in package.rglob("*.py")
    }
    return {name.removesuffix(".__init__"): file for name, file in files.items()}


def imported(file: Path) -> Iterator[str]:
    """What a module imports as it is loaded; the package where it takes a name of one."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_no_module_imports_itself_by_way_of_others() -> None:
    ours = modules()
    assert {"hybridsphere.messages", "hybridsphere.cli.app", "lambda_fn.handler"} <= ours.keys()
    graph = {name: ours.keys() & set(imported(file)) for name, file in ours.items()}
    # Raises CycleError, which names the way round.
    TopologicalSorter(graph).prepare()
