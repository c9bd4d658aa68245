"""The class lists of a results folder: files that somebody gave to the page."""

import re
from pathlib import Path

from hybridsphere.commands.roster import StudentRecord, read_students
from hybridsphere.errors import CannotRun
from hybridsphere.files import make_private, write_whole
from hybridsphere.paths import OWN_FOLDER

MOST = 200
"""Class lists of one folder."""

_NAME = re.compile(r"[^\w -]+")


def rosters_folder(results_dir: Path) -> Path:
    return results_dir / OWN_FOLDER / "rosters"


def roster_names(results_dir: Path) -> list[str]:
    """List the class lists by name."""
    return sorted(file.stem for file in rosters_folder(results_dir).glob("*.csv"))


def read_roster(results_dir: Path, name: str) -> list[StudentRecord] | None:
    """Read a class list; None for a name that there is not. Raises CannotRun."""
    if name not in roster_names(results_dir):
        return None
    return read_students(rosters_folder(results_dir) / f"{name}.csv", required=("name",))


def save_roster(results_dir: Path, file_name: str, content: bytes) -> str:
    """Keep a class list under the name of its file; returns the name.

    Raises CannotRun for any other file, and OSError.
    """
    name = _NAME.sub(" ", Path(file_name).stem).strip()[:60].strip() or "class"
    folder = rosters_folder(results_dir)
    make_private(folder)
    if name not in roster_names(results_dir) and len(roster_names(results_dir)) >= MOST:
        raise CannotRun(f"there are {MOST} class lists", hint=f"remove some from {folder}")
    trial = folder / ".trial"
    write_whole(trial, content)
    try:
        try:
            read_students(trial, required=("name",))
        except CannotRun as error:
            # The sender does not know the name of the trial.
            raise CannotRun(
                error.message.replace(str(trial), "the file"), hint=error.hint
            ) from None
        write_whole(folder / f"{name}.csv", content)
    finally:
        trial.unlink(missing_ok=True)
    return name
