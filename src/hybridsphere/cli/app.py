"""The `hybridsphere` command: parses, calls, prints.

Each command imports what it needs itself, so that `--help` answers at once.
"""

import sys
from typing import TYPE_CHECKING, Any

import click

from hybridsphere import __version__
from hybridsphere.cli.data import enroll, gallery, results, students, workload
from hybridsphere.cli.group import Commands, configured
from hybridsphere.cli.options import (
    ADDRESS,
    CORES,
    FILE,
    FOLDER,
    MODE,
    PLACE,
    SINCE,
    SINK,
    SOURCE,
    WORKERS,
)
from hybridsphere.signals import heard_at_once

if TYPE_CHECKING:
    from pathlib import Path

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
@click.option("--source", type=SOURCE, default="queue", help="How the bridge learns of uploads.")
@click.option("--sink", type=SINK, default="queue", help="How the bridge gets results.")
@click.option(
    "--mode", type=MODE, default="identify", help="Recognise one person a video, or everybody."
)
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
def local(**options: Any) -> None:
    """Run an AWS account on this machine, with the function in it, until Ctrl-C.

    S3, SQS, DynamoDB and Lambda answer on 127.0.0.1, and hold nothing after the end. Once they are
    ready, the command prints the `export` lines that another shell needs.
    """
    from hybridsphere.local.serve import LocalOptions, run_local

    sys.exit(run_local(LocalOptions(**options)))


@main.command(short_help="Run the function on this machine, for bridges to call.")
@heard_at_once()
@click.option(
    "--listen",
    type=ADDRESS,
    default="127.0.0.1:9000",
    envvar="HYBRIDSPHERE_HOST",
    show_envvar=True,
    metavar="HOST:PORT",
    help="Address to listen on.",
)
@click.option(
    "--keys",
    type=PLACE,
    envvar="HYBRIDSPHERE_HOST_KEYS",
    show_envvar=True,
    help="File of the key pairs that may call, in the form of AWS's credentials file.",
)
@click.option(
    "--workers",
    type=WORKERS,
    metavar="NUMBER",
    envvar="HYBRIDSPHERE_HOST_WORKERS",
    show_envvar=True,
    show_default=CORES,
    help="Videos that the function works on at once.",
)
@click.option(
    "--memory-mb",
    type=click.IntRange(128, 1_000_000),
    metavar="NUMBER",
    default=2048,
    envvar="HYBRIDSPHERE_HOST_MEMORY_MB",
    show_envvar=True,
    help="Megabytes that a worker may use.",
)
@click.option(
    "--timeout-s",
    type=click.FloatRange(1, 86_400),
    metavar="NUMBER",
    default=900,
    envvar="HYBRIDSPHERE_HOST_TIMEOUT_S",
    show_envvar=True,
    help="Seconds that a video may take.",
)
@click.option(
    "--drain-s",
    type=click.FloatRange(0, 86_400),
    metavar="NUMBER",
    default=25,
    envvar="HYBRIDSPHERE_DRAIN_S",
    show_envvar=True,
    help="Seconds that a stop waits for videos under way.",
)
@click.option(
    "--make-keys", type=PLACE, metavar="FILE", help="Write a file with a new key pair, and end."
)
def host(make_keys: "Path | None", **options: Any) -> None:
    """Run the function on this machine behind Lambda's Invoke API, until Ctrl-C or SIGTERM.

    Any AWS client can call it, if it signs with a pair of --keys. The function gets this command's
    AWS_… and HYBRIDSPHERE_… variables. /healthz and /metrics answer everybody.

    A stop refuses new calls and waits for the videos under way. Exits with 0 after that, 1 if
    videos were cut, 2 if the host cannot work as configured.
    """
    if make_keys is not None:
        from hybridsphere.console import tell
        from hybridsphere.keys import make_keys as make

        tell(f"{make_keys} has the key pair {make(make_keys).id}")
        return
    if options["keys"] is None:
        raise click.UsageError("Missing option '--keys' (env var: 'HYBRIDSPHERE_HOST_KEYS').")
    from hybridsphere.host.serve import HostOptions, run_host

    sys.exit(run_host(HostOptions(**options)))


@main.command(short_help="Print what the bridge has done, and whether it is well.")
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
@configured("results_dir", "http")
def status(settings: "Settings", as_json: bool) -> None:
    """Print the troubles of the bridge with their remedies, and the uploads in the ledger.

    Exits with 0 if there is no trouble; 1 if there is one, or the bridge is silent; 2 if there is
    no ledger to read. A bridge without an address cannot be asked: then the uploads alone count.
    """
    from hybridsphere.commands.status import show_status
    from hybridsphere.screen import Screen

    sys.exit(0 if show_status(settings, Screen(), as_json=as_json) else 1)


@main.command(short_help="Print where videos ran, and what they cost.")
@click.option("--since", type=SINCE, help="Only results stored at this day or time, or later.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@configured("results_dir")
def cost(settings: "Settings", since: str | None, as_json: bool) -> None:
    """Print how many videos ran at home and in Lambda, and what Lambda cost.

    The figures are the ledger's, by the price list in the package. The last one is what Lambda
    would have cost without hosts.
    """
    from hybridsphere.commands.cost import show_cost
    from hybridsphere.screen import Screen

    show_cost(settings, Screen(), since=since, as_json=as_json)


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


for command in (enroll, gallery, results, students, workload):
    main.add_command(command)
