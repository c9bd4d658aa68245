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


LEVELS = [
    {"messages", "recognition"},
    {"errors", "files", "hosts", "paths", "signals", "sockets", "console", "screen"},
    {"keys", "prices"},
    {"settings", "ledger", "aws", "troubles", "host"},
    {"memory"},
    {"commands", "local", "workload", "bridge"},
    {"demo", "page"},
    {"cli"},
    {"__main__"},
]
"""The rooms of `hybridsphere`, from the ground up: a room imports rooms below it, or beside it."""

APART = [
    ("local", "bridge"),
    ("bridge", "local"),
    ("bridge", "commands"),
    ("commands", "bridge"),
    ("bridge", "host"),
    ("host", "aws"),
    ("host", "ledger"),
    # The function's image has no pydantic.
    ("host", "settings"),
    ("demo", "page"),
    ("page", "demo"),
    ("aws", "settings"),
    ("aws", "troubles"),
    ("aws", "ledger"),
    ("memory", "settings"),
    ("memory", "aws"),
    ("memory", "troubles"),
]
"""Neighbours that must not know each other."""


def room_of(module: str) -> str:
    """The first level of a module's name below `hybridsphere`."""
    return [*module.split("."), ""][1]


def every_import(file: Path) -> set[str]:
    """The modules that a file imports, those inside functions too."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module
    }


def arrows() -> set[tuple[str, str]]:
    """Who imports whom, as pairs of modules."""
    return {(name, to) for name, file in modules().items() for to in every_import(file)}


def test_arrows_between_rooms_point_down() -> None:
    level = {room: height for height, rooms in enumerate(LEVELS) for room in rooms}
    between = {
        (room_of(one), room_of(other))
        for one, other in arrows()
        if one.startswith("hybridsphere.") and other.startswith("hybridsphere.")
    }
    assert between
    rising = {(one, other) for one, other in between if level[one] < level[other]}
    assert rising == set()
    assert between.isdisjoint(APART)


def test_the_function_imports_the_messages_and_recognition_alone() -> None:
    rooms = {
        room_of(other)
        for one, other in arrows()
        if one.startswith("lambda_fn") and other.startswith("hybridsphere.")
    }
    assert rooms == {"messages", "recognition"}


def test_only_the_commands_about_galleries_import_the_function() -> None:
    users = {
        one
        for one, other in arrows()
        if one.startswith("hybridsphere") and other.startswith("lambda_fn")
    }
    assert users == {"hybridsphere.commands.gallery", "hybridsphere.commands.gallery_check"}


def test_botocore_is_known_to_the_room_aws_alone() -> None:
    users = {
        room_of(one)
        for one, other in arrows()
        if one.startswith("hybridsphere")
        and other.partition(".")[0] in {"botocore", "aiobotocore", "boto3"}
    }
    assert users == {"aws"}
