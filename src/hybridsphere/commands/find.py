"""Results by person, status and time."""

from pathlib import Path

from rich.console import Console

from hybridsphere.commands.correct import answer_fields
from hybridsphere.commands.desk import usable_name
from hybridsphere.commands.lines import print_headline, print_json, print_line
from hybridsphere.commands.tables import print_table
from hybridsphere.ledger.ledger import Ledger, Upload

_COLUMNS = ("TIME", "STATUS", "PEOPLE", "VIDEO")


def find_results(
    folder: Path,
    console: Console,
    *,
    person: str | None,
    statuses: tuple[str, ...],
    corrected: bool,
    since: str,
    until: str,
    most: int,
    as_json: bool,
) -> bool:
    """Print results, the newest first; False if nothing fits."""
    name = None if person is None else usable_name(person)
    with Ledger.read(folder) as ledger:
        found = ledger.find(
            person=name,
            statuses=statuses,
            corrected=corrected,
            since=since,
            until=until,
            most=most,
        )
    if as_json:
        print_json(console, [_fields(upload) for upload in found])
    elif not found:
        print_headline(console, "note", "No result fits.")
    else:
        print_table(console, _COLUMNS, [_row(upload) for upload in found])
        if any(upload.answer_status is not None for upload in found):
            print_line(console, "* differs from the function's own answer")
        if len(found) == most:
            print_line(console, f"hint: these are {most}; --limit shows more", "cyan")
    return bool(found)


def _row(upload: Upload) -> list[str]:
    at = f"{upload.created_at[:10]} {upload.created_at[11:16]}"
    mark = "*" if upload.answer_status is not None else ""
    names = ", ".join(str(person["name"]) for person in upload.effective_people)
    return [at, f"{upload.effective_status}{mark}", names, upload.key]


def _fields(upload: Upload) -> dict[str, object]:
    times = {"received_at": upload.received_at, "stored_at": upload.stored_at}
    return {**answer_fields(upload), **times}
