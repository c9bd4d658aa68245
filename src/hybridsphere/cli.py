"""The `hybridsphere` command: parses, calls, prints.

What a command needs is imported inside it, so that `--help` answers at once.
"""

import asyncio
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TextIO

import click

from hybridsphere import __version__
from hybridsphere.errors import CannotRun

if TYPE_CHECKING:
    from hybridsphere.settings import Settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PHOTOS = click.Path(exists=True, path_type=Path)
PLACE = click.Path(path_type=Path)


class Commands(click.Group):
    """Commands that end with one line and exit code 2 if they cannot do their work."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except CannotRun as error:
            _fail(error, error.exit_code)
        except ModuleNotFoundError as error:
            _fail(f"{error}: this install has the bridge alone; `make setup` in a clone has it all")
        except OSError as error:
            # The bridge's own exit code 2 stands for its configuration and nothing else.
            if context.invoked_subcommand == "bridge":
                raise
            _fail(error)


def _fail(message: object, exit_code: int = CannotRun.exit_code) -> NoReturn:
    _tell(f"hybridsphere: {message}")
    sys.exit(exit_code)


@contextmanager
def _utf8_output() -> Iterator[TextIO]:
    """Standard output in UTF-8, whatever the locale."""
    sys.stdout.flush()
    out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    try:
        yield out
    finally:
        out.detach()


def _tell(text: str) -> None:
    """Print to standard error; names of files and people in it may hold anything."""
    from hybridsphere.terminal import printable

    click.echo("\n".join(printable(line) for line in text.split("\n")), err=True)


def _configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the settings that the environment holds."""

    @wraps(command)
    def run(*values: Any, **options: Any) -> Any:
        from hybridsphere.settings import Settings

        return command(Settings.load(), *values, **options)

    return run


def _with_galleries(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a gallery that cannot be read, made or written end a command like everything else."""

    @wraps(command)
    def run(*values: Any, **options: Any) -> Any:
        from lambda_fn.gallery import GalleryError

        try:
            return command(*values, **options)
        except (GalleryError, OSError) as error:
            raise CannotRun(str(error)) from error

    return run


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="hybridsphere")
def main() -> None:
    """Videos uploaded to S3 become recognised names on your own VM.

    Configured by the environment; `docs/configuration.md` lists every variable.
    """
    for stream in (sys.stdout, sys.stderr):
        # Keys and names are whatever somebody uploaded, and a terminal may know ASCII only.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@main.command()
def bridge() -> None:
    """Run the service in the foreground; SIGTERM or Ctrl-C drains it."""
    from hybridsphere.bridge.signals import heard_at_once

    with heard_at_once():
        from hybridsphere.bridge import service
        from hybridsphere.settings import Settings

        service.run(Settings.load())


@main.command()
@click.option("--videos", type=FOLDER, help="Videos to upload, instead of clips made here.")
@click.option("--encodings", type=FILE, help="Known faces, as .npz or in the legacy pickle.")
@click.option("--students", type=FILE, help="Student records, JSON or CSV.")
@click.option("--mapping", type=FILE, help="Expected answers: `video.mp4:major,year` a line.")
@click.option("--results", type=PLACE, help="Folder for the results.")
@click.option("--report", type=PLACE, help="Write checks and results here, as JSON.")
@click.option("--workers", type=click.IntRange(1, 1000), help="Concurrency of the function.")
@click.option(
    "--source",
    type=click.Choice(["queue", "bucket", "none"]),
    default="queue",
    show_default=True,
    help="Where uploads show; none: the bucket triggers the function itself.",
)
@click.option(
    "--sink",
    type=click.Choice(["queue", "bucket"]),
    default="queue",
    show_default=True,
    help="Where results show.",
)
@click.option(
    "--mode",
    type=click.Choice(["identify", "attendance"]),
    default="identify",
    show_default=True,
    help="What is looked for: one person, or everybody.",
)
def demo(**options: Any) -> None:
    """Run the whole system on this machine, and check every step of the way.

    Exits with 0 if every check holds, 1 if one does not, 2 if it could not run.
    """
    from hybridsphere.demo.run import DemoOptions, run_demo

    sys.exit(run_demo(DemoOptions(**options)))


@main.command()
@click.option("--encodings", type=FILE, help="Known faces, as .npz or in the legacy pickle.")
@click.option("--students", type=FILE, help="Student records, JSON or CSV.")
@click.option("--workers", type=click.IntRange(1, 1000), help="Concurrency of the function.")
@click.option("--env-file", type=PLACE, help="Write the environment here, as NAME=value lines.")
def local(
    encodings: Path | None, students: Path | None, workers: int | None, env_file: Path | None
) -> None:
    """Run an AWS account on this machine, with the function in it, until Ctrl-C.

    When it is ready it prints the `export` lines that another shell needs.
    """
    from hybridsphere.local.serve import run_local

    sys.exit(run_local(encodings=encodings, students=students, workers=workers, env_file=env_file))


@main.group()
def workload() -> None:
    """Upload videos, then check the whole way."""


@workload.command("upload")
@click.argument("folder", type=FOLDER)
@click.option("--clear", is_flag=True, help="Empty both buckets first.")
@click.option("--yes", is_flag=True, help="Do not ask before emptying them.")
@_configured
def workload_upload(settings: "Settings", folder: Path, clear: bool, yes: bool) -> None:
    """Upload every file below FOLDER; leaves a manifest beside the results."""
    from rich.console import Console

    from hybridsphere.workload.upload import upload

    if clear and not yes:
        settings.require("input_bucket", "output_bucket")
        click.confirm(
            f"Delete everything in {settings.need('input_bucket')} and "
            f"{settings.need('output_bucket')}?",
            abort=True,
        )
    count = asyncio.run(upload(folder, settings, clear=clear, console=Console(stderr=True)))
    click.echo(f"{count} uploaded")


@workload.command("check")
@click.option("--mapping", type=FILE, help="Expected answers: `video.mp4:major,year` a line.")
@_configured
def workload_check(settings: "Settings", mapping: Path | None) -> None:
    """Wait for the results of the last upload, then check the whole way, line by line.

    Exits with 0 if every check holds, 1 if one does not.
    """
    from rich.console import Console

    from hybridsphere.workload.check import check_workload

    passed = asyncio.run(check_workload(settings, mapping=mapping, console=Console()))
    sys.exit(0 if passed else 1)


@main.group()
def gallery() -> None:
    """The known faces."""


@gallery.command("import")
@click.argument("source", type=FILE)
@click.option("-o", "--output", type=PLACE, required=True, help="The gallery to write (.npz).")
@_with_galleries
def gallery_import(source: Path, output: Path) -> None:
    """Import known faces from the legacy pickle; nothing in it but arrays is admitted."""
    from lambda_fn.gallery import import_legacy

    known = import_legacy(source)
    known.save(output)
    click.echo(f"{len(known.names)} known faces in {output}")


@gallery.command("show")
@click.argument("file", type=FILE)
@_with_galleries
def gallery_show(file: Path) -> None:
    """Print who is in FILE, with how many faces, and the pairs who look most alike."""
    from collections import Counter

    from hybridsphere.terminal import printable
    from lambda_fn.gallery import Gallery
    from lambda_fn.pairs import nearest_pairs

    known = Gallery.load(file)
    faces = Counter(known.names)
    click.echo(f"{len(faces)} people, {len(known)} faces")
    for name, count in sorted(faces.items()):
        click.echo(f"{count:6}  {printable(name)}")
    for pair in nearest_pairs(known, 5):
        who = f"{printable(pair.one)} and {printable(pair.other)}"
        click.echo(f"{pair.distance:6.2f}  between {who}")


@gallery.command("add")
@click.argument("file", type=FILE)
@click.argument("photos", type=PHOTOS)
def gallery_add(file: Path, photos: Path) -> None:
    """Add the people in PHOTOS to FILE: `name.jpg`, or `name/*` for several of one person."""
    _enrol(photos, output=file, into=file)


@gallery.command("remove")
@click.argument("file", type=FILE)
@click.argument("name")
@_with_galleries
def gallery_remove(file: Path, name: str) -> None:
    """Remove NAME from FILE, with all faces."""
    from lambda_fn.gallery import Gallery

    left = Gallery.load(file).without(name)
    left.save(file)
    click.echo(f"{len(left)} known faces in {file}")


@main.command()
@click.argument("photos", type=PHOTOS)
@click.option("-o", "--output", type=PLACE, required=True, help="The gallery to write (.npz).")
def enroll(photos: Path, output: Path) -> None:
    """Make a gallery from PHOTOS: `name.jpg`, or `name/*` for several of one person.

    Clips will do as well. What cannot be used is left out and reported, and so are people who
    may be mistaken for each other.
    """
    _enrol(photos, output=output, into=None)


@_with_galleries
def _enrol(photos: Path, *, output: Path, into: Path | None) -> None:
    from lambda_fn.enrol import enrol
    from lambda_fn.gallery import Gallery

    known = Gallery.load(into) if into else None
    known = enrol(photos, report=_tell, known=known)
    known.save(output)
    click.echo(f"{len(known)} known faces in {output}")


@main.group()
def students() -> None:
    """The student records."""


@students.command("load")
@click.argument("file", type=FILE)
@_configured
def students_load(settings: "Settings", file: Path) -> None:
    """Write the student records of FILE (JSON or CSV) into the table."""
    from hybridsphere.roster import load_students

    count = asyncio.run(load_students(file, settings))
    click.echo(f"{count} students in {settings.need('table')}")


@main.group()
def results() -> None:
    """The results on this machine."""


@results.command("export")
@click.option(
    "--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True
)
@_configured
def results_export(settings: "Settings", form: Literal["csv", "json"]) -> None:
    """Print the ledger, one row an upload."""
    from hybridsphere.export import export
    from hybridsphere.ledger import Ledger

    # For programs, and so in UTF-8 whatever the terminal takes.
    with Ledger.read(settings.results_dir) as ledger, _utf8_output() as out:
        export(ledger.uploads(), form, out)


@main.command()
@_configured
def status(settings: "Settings") -> None:
    """Tell what the bridge has done, and whether it is well.

    Exits with 0 if it is, or if it has no address to be asked at; with 1 if it does not answer, or
    has troubles.
    """
    from rich.console import Console

    from hybridsphere.status import show

    sys.exit(0 if show(settings, Console()) else 1)


@main.command()
@_configured
def doctor(settings: "Settings") -> None:
    """Tell whether this configuration could work, one line a check, with the remedy.

    Exits with 0 if all is well, 1 if something is not.
    """
    from rich.console import Console

    from hybridsphere.doctor import print_findings

    sys.exit(0 if asyncio.run(print_findings(settings, Console(soft_wrap=True))) else 1)
