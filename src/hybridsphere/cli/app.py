"""The `hybridsphere` command: parses, calls, prints.

What a command needs is imported inside it, so that `--help` answers at once.
"""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from hybridsphere import __version__
from hybridsphere.cli.group import Commands, configured
from hybridsphere.console import tell, utf8_output
from hybridsphere.signals import heard_at_once

if TYPE_CHECKING:
    from hybridsphere.settings import Settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PHOTOS = click.Path(exists=True, path_type=Path)
PLACE = click.Path(path_type=Path)


class Source(click.Choice[str]):
    """The sources by name; an old name is refused with the new one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "none":
            self.fail("'none' is called 'direct' now.", param, ctx)
        return super().convert(value, param, ctx)


SOURCE = Source(["queue", "bucket", "direct"])
SINK = click.Choice(["queue", "bucket"])
WORKERS = click.IntRange(1, 1000)
CORES = "one a processor"
MODE = click.Choice(["identify", "attendance"])


@click.group(
    cls=Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
)
@click.version_option(__version__, prog_name="hybridsphere")
def main() -> None:
    """Videos uploaded to S3 become recognised names on your own VM.

    Configured by the environment; `docs/configuration.md` lists every variable.
    """


@main.command()
@heard_at_once()
@configured()
def bridge(settings: "Settings") -> None:
    """Run the service in the foreground; SIGTERM or Ctrl-C drains it."""
    from hybridsphere.bridge import service

    service.run(settings)


@main.command(short_help="Run the whole system on this machine; check it.")
@click.option("--videos", type=FOLDER, help="Videos to upload, instead of clips made here.")
@click.option("--encodings", type=FILE, help="Known faces, as .npz or in the legacy pickle.")
@click.option("--students", type=FILE, help="Student records, JSON or CSV.")
@click.option("--mapping", type=FILE, help="Expected answers: `video.mp4:major,year` a line.")
@click.option(
    "--results",
    type=PLACE,
    show_default="results/demo/1, or the next number",
    help="Folder for the results.",
)
@click.option("--report", type=PLACE, help="Write checks and results here, as JSON.")
@click.option("--workers", type=WORKERS, show_default=CORES, help="Concurrency of the function.")
@click.option("--source", type=SOURCE, default="queue", help="Where uploads show, if at all.")
@click.option("--sink", type=SINK, default="queue", help="Where results show.")
@click.option("--mode", type=MODE, default="identify", help="Look for one person, or everybody.")
def demo(**options: Any) -> None:
    """Run the whole system on this machine, and check every step of the way.

    With `--source direct` the bucket triggers the function itself.

    Exits with 0 if every check holds, 1 if one does not, 2 if it could not run.
    """
    from hybridsphere.demo.run import DemoOptions, run_demo

    sys.exit(run_demo(DemoOptions(**options)))


@main.command(short_help="Run an AWS account on this machine.")
@heard_at_once()
@click.option("--encodings", type=FILE, help="Known faces, as .npz or in the legacy pickle.")
@click.option("--students", type=FILE, help="Student records, JSON or CSV.")
@click.option("--workers", type=WORKERS, show_default=CORES, help="Concurrency of the function.")
@click.option(
    "--env-file", type=PLACE, help="While ready, have the environment here: NAME=value lines."
)
def local(**options: Any) -> None:
    """Run an AWS account on this machine, with the function in it, until Ctrl-C.

    When it is ready it prints the `export` lines that another shell needs.
    """
    from hybridsphere.local.serve import run_local

    sys.exit(run_local(**options))


@main.group()
def workload() -> None:
    """Upload videos, then check the whole way."""


@workload.command("upload", short_help="Upload every file below FOLDER.")
@click.argument("folder", type=FOLDER)
@click.option("--clear", is_flag=True, help="Empty both buckets first.")
@click.option("--yes", is_flag=True, help="Do not ask before emptying them.")
@configured("input_bucket", "output_bucket", "results_dir")
def workload_upload(settings: "Settings", folder: Path, clear: bool, yes: bool) -> None:
    """Upload every file below FOLDER; leaves a manifest beside the results."""
    from hybridsphere.screen import Screen
    from hybridsphere.workload.upload import upload

    if clear and not yes:
        settings.require("input_bucket", "output_bucket")
        buckets = f"{settings.input_bucket} and {settings.output_bucket}"
        click.confirm(f"Delete everything in {buckets}?", abort=True)
    count = asyncio.run(upload(folder, settings, clear=clear, console=Screen(stderr=True)))
    click.echo(f"{count} uploaded")


@workload.command("check", short_help="Check the whole way of the last upload.")
@click.option("--mapping", type=FILE, help="Expected answers: `video.mp4:major,year` a line.")
@configured("source", "sink", "input_queue_url", "output_queue_url", "results_dir")
def workload_check(settings: "Settings", mapping: Path | None) -> None:
    """Wait for the results of the last upload, then check the whole way, line by line.

    The wait is over when all are there, or when nothing has moved for 120 seconds.

    Exits with 0 if every check holds, 1 if one does not.
    """
    from hybridsphere.screen import Screen
    from hybridsphere.workload.check import check_workload

    passed = asyncio.run(check_workload(settings, mapping=mapping, console=Screen()))
    sys.exit(0 if passed else 1)


@main.group()
def gallery() -> None:
    """The known faces."""


@gallery.command("import", short_help="Import known faces from the legacy pickle.")
@click.argument("source", type=FILE)
@click.option("-o", "--output", type=PLACE, required=True, help="The gallery to write (.npz).")
def gallery_import(source: Path, output: Path) -> None:
    """Import known faces from the legacy pickle; nothing in it but arrays is admitted.

    A gallery is taken as well: it is checked, and copied. One that is there is replaced.
    """
    from hybridsphere.commands import gallery as gallery_commands

    count = gallery_commands.import_faces(source, output, report=tell)
    click.echo(f"{count} known faces in {output}")


@gallery.command("show", short_help="Print who is in FILE, and who looks alike.")
@click.argument("file", type=FILE)
def gallery_show(file: Path) -> None:
    """Print who is in FILE, with how many faces, and the pairs who look most alike."""
    from hybridsphere.commands import gallery as gallery_commands

    for line in gallery_commands.described(file):
        # Names of people; as for `tell`, click is not to choose the stream.
        click.echo(line, file=sys.stdout)


@gallery.command("add", short_help="Add the people in PHOTOS to FILE.")
@click.argument("file", type=FILE)
@click.argument("photos", type=PHOTOS)
def gallery_add(file: Path, photos: Path) -> None:
    """Add the people in PHOTOS to FILE: `name.jpg`, or `name/*` for several of one person.

    Exits as `hybridsphere enroll` does.
    """
    _enrol(photos, file, into=file)


@gallery.command("remove")
@click.argument("file", type=FILE)
@click.argument("name")
def gallery_remove(file: Path, name: str) -> None:
    """Remove NAME from FILE, with all faces."""
    from hybridsphere.commands import gallery as gallery_commands

    click.echo(f"{gallery_commands.remove_person(file, name)} known faces in {file}")


@main.command(short_help="Make a gallery of known faces from PHOTOS.")
@click.argument("photos", type=PHOTOS)
@click.option("-o", "--output", type=PLACE, required=True, help="The gallery to write (.npz).")
def enroll(photos: Path, output: Path) -> None:
    """Make a gallery from PHOTOS: `name.jpg`, or `name/*` for several of one person.

    One that is there is replaced: `hybridsphere gallery add` adds to it.

    Clips will do as well. What cannot be used is left out and reported, and so are people who
    may be mistaken for each other.

    Exits with 0 if anybody was enrolled, 2 if no file could be used: then nothing is written.
    """
    _enrol(photos, output, into=None)


def _enrol(photos: Path, output: Path, *, into: Path | None) -> None:
    from hybridsphere.commands import gallery as gallery_commands

    count = gallery_commands.add_people(photos, output, into=into, report=tell)
    click.echo(f"{count} known faces in {output}")


@main.group()
def students() -> None:
    """The student records."""


@students.command("load")
@click.argument("file", type=FILE)
@configured("table")
def students_load(settings: "Settings", file: Path) -> None:
    """Write the student records of FILE (JSON or CSV) into the table."""
    from hybridsphere.commands.students import load_students

    count = asyncio.run(load_students(file, settings))
    click.echo(f"{count} students in {settings.need('table')}")


@main.group()
def results() -> None:
    """The results on this machine."""


@results.command("export")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv")
@configured("results_dir")
def results_export(settings: "Settings", form: Literal["csv", "json"]) -> None:
    """Print the ledger, one row an upload.

    In CSV a cell that a spreadsheet would evaluate, since it begins with = + - @, a tab or a
    carriage return, has a ' before it. JSON has all as it is.
    """
    from hybridsphere.commands.export import export
    from hybridsphere.ledger.ledger import Ledger

    # For programs, and so in UTF-8 whatever the terminal takes.
    with Ledger.read(settings.results_dir) as ledger, utf8_output() as out:
        export(ledger.uploads(), form, out)


@main.command()
@configured("results_dir", "http")
def status(settings: "Settings") -> None:
    """Tell what the bridge has done, and whether it is well.

    Exits with 0 if it is, or if it has no address to be asked at; with 1 if it does not answer, or
    has troubles.
    """
    from hybridsphere.commands.status import show
    from hybridsphere.screen import Screen

    sys.exit(0 if show(settings, Screen()) else 1)


@main.command(short_help="Tell whether this configuration could work.")
def doctor() -> None:
    """Tell whether this configuration could work, one line a check, with the remedy.

    Exits with 0 if all is well, 1 if something is not.
    """
    from hybridsphere.commands.doctor.doctor import print_findings
    from hybridsphere.screen import Screen

    sys.exit(0 if asyncio.run(print_findings(Screen(soft_wrap=True))) else 1)
