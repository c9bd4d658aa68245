"""Heavy work for the page, in a separate process: `python -m hybridsphere.commands.aside`.

It reads one task as JSON and writes one outcome as JSON. The face library, a large file or a
hostile photograph can then neither slow nor break the page.
"""

import asyncio
import io
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console

from hybridsphere.commands.gallery_reader import read_gallery
from hybridsphere.errors import CannotRun
from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.settings import Settings

MOST_BYTES = 3 * 2**30
"""Memory that the process may address; the library takes a third of it."""

_INSTALL = "pip install 'hybridsphere[function,photos]' on this machine"

Outcome = dict[str, Any]


def main() -> None:
    """Do the task on standard input; write what came of it to standard output."""
    task = json.load(sys.stdin)
    _limit(int(task.get("seconds", 60)))
    # Libraries print what they like: the outcome alone belongs to the reader.
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        outcome = WORK[task["work"]](task)
    except CannotRun as error:
        outcome = {"fault": error.message, "hint": error.hint}
    except ModuleNotFoundError as error:
        outcome = {"fault": f"this machine has no face library ({error.name})", "hint": _INSTALL}
    except MemoryError:
        outcome = {"fault": "this takes more memory than is allowed", "hint": "give less at once"}
    json.dump(outcome, out)
    out.flush()
    # The library's threads have nothing to tidy up.
    os._exit(0)


def enroll(task: Mapping[str, Any]) -> Outcome:
    """Enroll the people of a folder of photographs into a new gallery."""
    from hybridsphere.commands.gallery import enroll_apart  # noqa: PLC0415 - imports the function

    if task["engine"]:
        os.environ["HYBRIDSPHERE_ENGINE"] = task["engine"]
    lines: list[str] = []
    try:
        enroll_apart(Path(task["photos"]), Path(task["output"]), report=lines.append)
    except CannotRun:
        # The lines say more, file by file.
        if not lines:
            raise
    return {"lines": lines}


def check(task: Mapping[str, Any]) -> Outcome:
    """Check a gallery, as `hybridsphere gallery check` does."""
    from hybridsphere.commands.gallery_check import check_gallery  # noqa: PLC0415 - likewise

    picture = Path(task["picture"])
    lines = check_gallery(
        Path(task["gallery"]),
        strangers=None,
        tolerance=float(task["tolerance"]),
        picture=picture,
        report=lambda _: None,
    )
    return {"lines": list(lines), "picture": picture.read_text(encoding="utf-8")}


def forget(task: Mapping[str, Any]) -> Outcome:
    """Show everything kept of a person, or take it away, as `hybridsphere forget` does."""
    from hybridsphere.commands.forget.forget import run_forget  # noqa: PLC0415 - it alone needs it

    printed, lines = io.StringIO(), list[str]()
    run_forget(
        Settings.load("results_dir", "output_bucket", "table", "gallery"),
        task["name"],
        Console(file=printed, width=1000, no_color=True),
        yes=bool(task["yes"]),
        students=bool(task["students"]),
        galleries=(),
        as_json=True,
        report=lines.append,
    )
    return {**json.loads(printed.getvalue()), "lines": lines}


def rename(task: Mapping[str, Any]) -> Outcome:
    """Give a person another name, everywhere."""
    from hybridsphere.commands import renaming  # noqa: PLC0415 - it alone needs it
    from hybridsphere.commands.desk import Desk  # noqa: PLC0415

    settings = Settings.load("results_dir", "gallery")
    old, new = task["old"], task["new"]
    photographs = 0
    if settings.gallery:
        photographs = asyncio.run(renaming.rename_in_gallery(settings.gallery, old, new))
    faces = answers = 0
    if not ledger_path(settings.results_dir).exists():
        return renaming.Renamed(photographs, faces, answers)._asdict()
    with Desk.open(settings.results_dir, task["by"]) as desk:
        faces, answers = renaming.rename_in_results(desk, old, new)
    return renaming.Renamed(photographs, faces, answers)._asdict()


def look_again(task: Mapping[str, Any]) -> Outcome:
    """Find the unknown faces that the gallery knows by now; name them if asked to."""
    from hybridsphere.commands.decide import unknown  # noqa: PLC0415 - it alone needs it
    from hybridsphere.commands.desk import Desk  # noqa: PLC0415
    from hybridsphere.memory.memory import Memory  # noqa: PLC0415

    settings = Settings.load("results_dir", "gallery")
    gallery = read_gallery(settings.gallery)
    if task["apply"]:
        with Desk.open(settings.results_dir, task["by"]) as desk:
            faces, answers = unknown.name_unknown(desk, gallery)
        return {"faces": faces, "answers": answers}
    with Memory.read(settings.results_dir) as memory:
        found = unknown.look_again(memory, gallery)
    return {
        "faces": found.kinds.total(),
        "videos": found.changed_videos,
        "changes": found.changes,
        "left_out": dict(found.left_out),
    }


WORK: dict[str, Callable[[Mapping[str, Any]], Outcome]] = {
    "enroll": enroll,
    "check": check,
    "forget": forget,
    "look_again": look_again,
    "rename": rename,
}


def _limit(seconds: int) -> None:
    """Bound memory and processor time, where the system lets a process do so."""
    for kind, most in ((resource.RLIMIT_AS, MOST_BYTES), (resource.RLIMIT_CPU, 2 * seconds)):
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))
    with suppress(OSError):
        os.nice(10)


if __name__ == "__main__":
    main()
