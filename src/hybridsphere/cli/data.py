"""The commands about data: galleries, students, workloads, results."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hybridsphere.cli.group import configured
from hybridsphere.cli.options import FILE, FOLDER, PHOTOS, PLACE, SINCE, STATUS, UNTIL, run
from hybridsphere.console import printable, tell, utf8_output

if TYPE_CHECKING:
    from datetime import datetime

    from hybridsphere.commands.export import Format, RowPer
    from hybridsphere.settings import Settings


@click.group()
def workload() -> None:
    """Upload videos, and check what became of them."""


@workload.command("upload", short_help="Upload every file below FOLDER.")
@click.argument("folder", type=FOLDER)
@click.option("--clear", is_flag=True, help="Delete everything in both buckets first.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@configured("input_bucket", "output_bucket", "results_dir")
def workload_upload(settings: "Settings", folder: Path, clear: bool, yes: bool) -> None:
    """Upload every file below FOLDER to the input bucket.

    The list of uploads is kept below HYBRIDSPHERE_RESULTS_DIR, for `hybridsphere workload check`.
    """
    from hybridsphere.screen import Screen
    from hybridsphere.workload.upload import upload

    if clear and not yes:
        settings.require("input_bucket", "output_bucket")
        buckets = f"{settings.input_bucket} and {settings.output_bucket}"
        click.confirm(f"Delete everything in {buckets}?", abort=True)
    count = run(upload(folder, settings, clear=clear, console=Screen(stderr=True)))
    click.echo(f"{count} uploaded")


@workload.command("check", short_help="Check every step of the last upload.")
@click.option("--mapping", type=FILE, help="Expected answers, one `video.mp4:major,year` a line.")
@configured("source", "sink", "input_queue_url", "output_queue_url", "results_dir")
def workload_check(settings: "Settings", mapping: Path | None) -> None:
    """Wait for the results of the last upload, then check every step of its way.

    The wait ends when all results are there, or after 120 seconds without progress.

    Exits with 0 if every check holds, 1 if one fails, 2 if nothing could be checked.
    """
    from hybridsphere.screen import Screen
    from hybridsphere.workload.checks import check_workload

    passed = run(check_workload(settings, mapping=mapping, console=Screen()))
    sys.exit(0 if passed else 1)


@click.group()
def gallery() -> None:
    """Make and change galleries of known faces."""


@gallery.command("import", short_help="Make a gallery of the legacy pickle.")
@click.argument("source", type=FILE)
@click.option("-o", "--output", type=PLACE, required=True, help="The gallery to write (.npz).")
def gallery_import(source: Path, output: Path) -> None:
    """Make a gallery of SOURCE, which is the legacy pickle or another gallery.

    Nothing in a pickle is executed, and only arrays are read. An existing gallery is replaced.
    """
    from hybridsphere.commands import gallery as gallery_commands

    count = gallery_commands.import_faces(source, output, report=tell)
    click.echo(f"{count} known faces in {output}")


@gallery.command("show", short_help="Print who is in FILE, and who looks alike.")
@click.argument("file", type=FILE)
def gallery_show(file: Path) -> None:
    """Print the people in FILE, the number of their faces, and the pairs who look most alike."""
    from hybridsphere.commands import gallery as gallery_commands

    for line in gallery_commands.described(file):
        # Names of people: click would choose another stream for an ASCII terminal.
        click.echo(line, file=sys.stdout)


@gallery.command("add", short_help="Add the people in PHOTOS to FILE.")
@click.argument("file", type=FILE)
@click.argument("photos", type=PHOTOS)
def gallery_add(file: Path, photos: Path) -> None:
    """Add the people in PHOTOS to FILE.

    PHOTOS is a folder with `name.jpg` for each person, or `name/*` for several photos of one. Exits
    as `hybridsphere enroll` does.
    """
    _enroll(photos, file, into=file)


@gallery.command("remove", short_help="Remove a person from FILE.")
@click.argument("file", type=FILE)
@click.argument("name")
def gallery_remove(file: Path, name: str) -> None:
    """Remove NAME from FILE, with all faces of that person."""
    from hybridsphere.commands import gallery as gallery_commands

    click.echo(f"{gallery_commands.remove_person(file, name)} known faces in {file}")


@gallery.command("rename", short_help="Give a person in FILE another name.")
@click.argument("file", type=FILE)
@click.argument("name")
@click.argument("new")
def gallery_rename(file: Path, name: str, new: str) -> None:
    """Give NAME in FILE the name NEW.

    If NEW is in FILE already, the faces of both belong to that person.
    """
    from hybridsphere.commands import gallery as gallery_commands

    new, count = gallery_commands.rename_person(file, name, new, report=tell)
    # Names of people: click would choose another stream for an ASCII terminal.
    click.echo(f"{count} faces of {printable(new)} in {file}", file=sys.stdout)


@gallery.command("consent", short_help="Say until when a person in FILE has consented.")
@click.argument("file", type=FILE)
@click.argument("name")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day of the consent.")
@click.option("--no-end", is_flag=True, help="The consent has no end.")
def gallery_consent(file: Path, name: str, until: "datetime | None", no_end: bool) -> None:
    """Say until when NAME in FILE has consented; after that day nobody is compared with them.

    The day is one of UTC. To take somebody's face away for good, use `hybridsphere forget`.
    """
    from hybridsphere.commands import gallery as gallery_commands

    if no_end == (until is not None):
        raise click.UsageError("give --until DAY, or --no-end.")
    gallery_commands.set_consent(file, name, until.date() if until else None)
    text = f"until {until.date()}" if until else "without an end"
    click.echo(f"{printable(name)}: consent {text}", file=sys.stdout)


@gallery.command("check", short_help="Check how well the people in FILE can be recognised.")
@click.argument("file", type=FILE)
@click.option("--strangers", type=PHOTOS, help="Photos of people who are not in FILE.")
@click.option("--tolerance", type=float, default=0.6, show_default=True, help="To check with.")
@click.option("--picture", type=PLACE, help="Draw the distances into this file (.svg).")
def gallery_check(
    file: Path, strangers: Path | None, tolerance: float, picture: Path | None
) -> None:
    """Check how well the people in FILE can be told from each other and from strangers.

    Each photo is recognised without itself, then without its person. Reports who is at risk, and
    advises a tolerance where there are enough photos.
    """
    from hybridsphere.commands import gallery_check as command

    for line in command.check_gallery(
        file, strangers=strangers, tolerance=tolerance, picture=picture, report=tell
    ):
        # Names of people: click would choose another stream for an ASCII terminal.
        click.echo(line, file=sys.stdout)


@click.command(short_help="Make a gallery of known faces from photos.")
@click.argument("photos", type=PHOTOS)
@click.option("-o", "--output", type=PLACE, required=True, help="The gallery to write (.npz).")
def enroll(photos: Path, output: Path) -> None:
    """Make a gallery of known faces from PHOTOS.

    PHOTOS is a folder with `name.jpg` for each person, or `name/*` for several photos of one. Short
    videos work too. Files that cannot be used are reported and left out; people who look alike are
    reported.

    An existing gallery is replaced: `hybridsphere gallery add` adds to it.

    Exits with 0 if anybody was enrolled, 2 if no file could be used; then nothing is written.
    """
    _enroll(photos, output, into=None)


def _enroll(photos: Path, output: Path, *, into: Path | None) -> None:
    from hybridsphere.commands import gallery as gallery_commands

    count = gallery_commands.add_people(photos, output, into=into, report=tell)
    click.echo(f"{count} known faces in {output}")


@click.group()
def students() -> None:
    """Load student records into the table."""


@students.command("load", short_help="Load student records from FILE.")
@click.argument("file", type=FILE)
@configured("table")
def students_load(settings: "Settings", file: Path) -> None:
    """Load the student records of FILE into the table HYBRIDSPHERE_TABLE.

    FILE is a CSV with the header `name,major,year`, or a JSON list of such objects. Further columns
    are kept. A CSV may have commas, semicolons or tabs, and be UTF-8, UTF-16 or Windows-1252. A
    record of the same name is replaced. Nothing is written if a row cannot be used.
    """
    from hybridsphere.commands.students import load_students

    count = run(load_students(file, settings))
    click.echo(f"{count} students in {settings.need('table')}")


@click.group()
def results() -> None:
    """Export the results on this machine."""


@results.command("export", short_help="Print every upload and its result.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "excel-csv", "json", "xlsx"]),
    default="csv",
    help="Form of the output.",
)
@click.option(
    "--rows",
    type=click.Choice(["uploads", "people"]),
    default="uploads",
    help="One row an upload, or one a person in it, with distances and times.",
)
@click.option("--person", metavar="NAME", help="Only results in which NAME was recognised.")
@click.option("--status", "statuses", type=STATUS, multiple=True, help="Only this; repeatable.")
@click.option("--since", type=SINCE, help="Only uploads received at this day or time, or later.")
@click.option("--until", type=UNTIL, help="Only uploads received before; a day counts whole.")
@click.option("--machine", is_flag=True, help="The function's answers, without people's words.")
@click.option("--costs", is_flag=True, help="Also where it ran, and what that cost.")
@configured("results_dir")
def results_export(
    settings: "Settings",
    *,
    form: "Format",
    rows: "RowPer",
    person: str | None,
    statuses: tuple[str, ...],
    since: str | None,
    until: str | None,
    machine: bool,
    costs: bool,
) -> None:
    """Print the ledger to standard output, in UTF-8.

    \b
    --format csv        for programs; a ' stands before what could be a formula
    --format excel-csv  the same, with the mark by which Excel knows UTF-8
    --format json       a list of objects, every value as it is
    --format xlsx       a workbook, with texts as they are and times as dates

    Times are UTC, also those of --since and --until that name no zone. A person's row has the
    status of that person.
    """  # noqa: D301 - click's mark of lines that stay
    from hybridsphere.commands.export import Selection, export
    from hybridsphere.ledger.ledger import Ledger

    selection = Selection(rows, person, statuses, machine, costs)
    # UTF-8 whatever the terminal takes, since programs read the export.
    with Ledger.read(settings.results_dir) as ledger, utf8_output() as out:
        uploads = ledger.uploads(since=since or "", until=until or "~")
        export(uploads, form, out, selection)
