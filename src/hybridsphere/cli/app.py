"""The `hybridsphere` command: parses, calls, prints.

Each command imports what it needs itself, so that `--help` answers at once.
"""

import sys
from typing import TYPE_CHECKING, Any

import click

from hybridsphere import __version__
from hybridsphere.cli.data import enroll, gallery, results, students, workload
from hybridsphere.cli.group import Commands, configured
from hybridsphere.cli.options import CORES, FILE, FOLDER, MODE, PLACE, SINK, SOURCE, WORKERS
from hybridsphere.cli.people import faces, forget
from hybridsphere.cli.places import cost, host
from hybridsphere.cli.review import decide, explain, replay, sheet
from hybridsphere.signals import heard_at_once

if TYPE_CHECKING:
    from hybridsphere.settings import Settings


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
    """Recognise people in videos that are uploaded to S3, and keep the results on your own VM.

    Begin with `hybridsphere demo`: it runs the whole system on this machine, without an AWS
    account. Other commands read environment variables; docs/configuration.md has them all.
    """


@main.command(short_help="Run the service: events in, results on disk.")
@heard_at_once()
@configured()
def bridge(settings: "Settings") -> None:
    """Run the service in the foreground until Ctrl-C or SIGTERM.

    The bridge takes the events of uploads, invokes the function for each, and stores the results
    below HYBRIDSPHERE_RESULTS_DIR. A stop finishes the work in hand, within HYBRIDSPHERE_DRAIN_S.

    Exits with 0 after a stop, 2 if the configuration cannot work, 1 if something else ended it.
    """
    from hybridsphere.bridge import service

    service.run(settings)


@main.command(short_help="Run the whole system on this machine, and check it.")
@click.option(
    "--videos", type=FOLDER, help="Folder of your videos; without it the demo makes clips."
)
@click.option("--encodings", type=FILE, help="Known faces: a gallery (.npz) or the legacy pickle.")
@click.option("--students", type=FILE, help="Student records: JSON or CSV.")
@click.option("--mapping", type=FILE, help="Expected answers, one `video.mp4:major,year` a line.")
@click.option(
    "--results",
    type=PLACE,
    show_default="the next free results/demo/NUMBER",
    help="Folder for the results.",
)
@click.option("--report", type=PLACE, help="File for the checks and results, as JSON.")
@click.option(
    "--workers",
    type=WORKERS,
    metavar="NUMBER",
    show_default=CORES,
    help="Videos that the function works on at once.",
)
@click.option(
    "--home",
    type=click.IntRange(0, 1000),
    metavar="NUMBER",
    default=0,
    help="Videos that a host works on at once, beside Lambda.",
)
@click.option("--source", type=SOURCE, default="queue", help="How the bridge learns of uploads.")
@click.option("--sink", type=SINK, default="queue", help="How the bridge gets results.")
@click.option(
    "--mode", type=MODE, default="identify", help="Recognise one person a video, or everybody."
)
@click.option("--serve", is_flag=True, help="Keep everything running, with the page, until Ctrl-C.")
def demo(**options: Any) -> None:
    """Run the whole system on this machine, and check every step.

    The demo starts a local AWS account, the function and the bridge. It uploads videos, waits for
    the results, and checks each step of their way.

    \b
    --source queue   the bridge receives S3's events from a queue
    --source bucket  the bridge watches the listing of the input bucket
    --source direct  the bucket invokes the function itself
    --sink queue     the bridge receives results from a queue
    --sink bucket    the bridge watches the listing of the output bucket

    Exits with 0 if every check holds, 1 if one fails, 2 if the demo could not run.
    """  # noqa: D301 - click's mark of lines that stay
    from hybridsphere.demo.run import DemoOptions, run_demo

    sys.exit(run_demo(DemoOptions(**options)))


@main.command(short_help="Run only an AWS account on this machine.")
@heard_at_once()
@click.option("--encodings", type=FILE, help="Known faces: a gallery (.npz) or the legacy pickle.")
@click.option("--students", type=FILE, help="Student records: JSON or CSV.")
@click.option(
    "--workers",
    type=WORKERS,
    metavar="NUMBER",
    show_default=CORES,
    help="Videos that the function works on at once.",
)
@click.option(
    "--mode", type=MODE, default="identify", help="Recognise one person a video, or everybody."
)
@click.option(
    "--env-file",
    type=PLACE,
    help="Keep the variables in this file while running: NAME=value lines.",
)
@click.option(
    "--page", is_flag=True, help="Show HYBRIDSPHERE_RESULTS_DIR in a browser, with its videos."
)
def local(**options: Any) -> None:
    """Run an AWS account on this machine, with the function in it, until Ctrl-C.

    S3, SQS, DynamoDB and Lambda answer on 127.0.0.1, and hold nothing after the end. Once they are
    ready, the command prints the `export` lines that another shell needs.
    """
    from hybridsphere.local.serve import LocalOptions, run_local

    sys.exit(run_local(LocalOptions(**options)))


@main.command(short_help="Print what the bridge has done, and whether it is well.")
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
@click.option("--watch", is_flag=True, help="Show it again every two seconds, until Ctrl-C.")
@configured("results_dir", "http")
def status(settings: "Settings", as_json: bool, watch: bool) -> None:
    """Print the troubles of the bridge with their remedies, and the uploads in the ledger.

    Exits with 0 if there is no trouble; 1 if there is one, or the bridge is silent; 2 if there is
    no ledger to read. A bridge without an address cannot be asked: then the uploads alone count.
    """
    from hybridsphere.commands.status import show_status
    from hybridsphere.screen import Screen

    if watch:
        if as_json:
            raise click.UsageError("--watch is for people: leave out --json")
        from hybridsphere.commands.watch import watch_status

        watch_status(settings, Screen())
    sys.exit(0 if show_status(settings, Screen(), as_json=as_json) else 1)


@main.command(short_help="Show it all in a browser: who was seen, what is wrong.")
@heard_at_once()
@click.option("--add-user", metavar="NAME", help="Add a login, or replace its password, and end.")
@click.option(
    "--role",
    type=click.Choice(["viewer", "editor", "operator"]),
    default="viewer",
    help="For --add-user: look, correct, or run the system.",
)
@configured(
    "results_dir",
    "http",
    "input_bucket",
    "source",
    "input_queue_url",
    "output_queue_url",
    "dead_letter_queue_url",
    "function_name",
    "invocation_type",
    "page",
    "page_users",
    "page_header",
    "page_proxies",
    "page_names",
    "gallery",
    "output_bucket",
    "table",
)
def page(settings: "Settings", add_user: str | None, role: str) -> None:
    """Serve the page at HYBRIDSPHERE_PAGE until Ctrl-C or SIGTERM.

    The page shows the uploads and the faces of HYBRIDSPHERE_RESULTS_DIR as they come, in a browser.
    It is a process of its own: it cannot slow the bridge. At another address than this machine's
    own it demands a login, which --add-user writes to the file HYBRIDSPHERE_PAGE_USERS.

    Exits with 0 after a stop, 2 if the configuration cannot work.
    """
    if add_user is not None:
        from hybridsphere.page.users import ask_and_add

        ask_and_add(settings, add_user, role)
        return
    from hybridsphere.page.app import run

    run(settings)


@main.command(short_help="Check whether this configuration can work.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(as_json: bool) -> None:
    """Check whether this configuration can work: one line a check, with the remedy.

    A line with – could not be checked, need not be, or works with a limit. Nothing is changed,
    invoked or deleted. Exits with 0 if no check fails, 1 if one does.
    """
    from hybridsphere.commands.doctor.report import run_doctor
    from hybridsphere.screen import Screen

    sys.exit(0 if run_doctor(Screen(soft_wrap=True), as_json=as_json) else 1)


for command in (
    cost,
    decide,
    enroll,
    explain,
    faces,
    forget,
    gallery,
    host,
    replay,
    results,
    sheet,
    students,
    workload,
):
    main.add_command(command)
