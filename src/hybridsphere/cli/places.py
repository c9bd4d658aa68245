"""The commands about places: the function's host, and what each place cost."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybridsphere.cli.group import configured
from hybridsphere.cli.options import ADDRESS, CORES, PLACE, SINCE, WORKERS
from hybridsphere.signals import heard_at_once

if TYPE_CHECKING:
    from hybridsphere.settings import Settings


@click.command(short_help="Run the function on this machine, for bridges to call.")
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
    help="File of the key pairs that may call; it has the form of an AWS credentials file.",
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
    type=click.FloatRange(1, 900),
    metavar="NUMBER",
    default=900,
    envvar="HYBRIDSPHERE_HOST_TIMEOUT_S",
    show_envvar=True,
    help="Seconds that a video may take, as in Lambda 900 at most.",
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
def host(make_keys: Path | None, **options: Any) -> None:
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


@click.command(short_help="Print where videos ran, and what they cost.")
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
