"""The cost of a thousand videos on Lambda, and the videos an hour that one VM carries.

    python -m bench.cost [OPTIONS]

Prices are given, times are those of bench/out/bench.json. Requests to S3, SQS and DynamoDB are
left out: they cost every system the same.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench.report.figures import figure, rounded
from bench.report.row import CPU_A_MESSAGE, FIRST_ANSWER, SECOND_ANSWER, SOMEBODY_KNOWN

PRICES_OF = "August 2025"
"""When these were Lambda's list prices."""

GB_S_USD = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
REQUEST_USD = 0.20 / 1_000_000

ONE_CPU_MB = 1769
"""The memory with which a function has one processor (AWS Lambda developer guide)."""

_ACCOUNT = 1000
"""Invocations that an account may run at once, unless it asks for more (the same guide)."""

_VM_BUSY = 0.5
"""The share of its processor that a VM is to spend on the bridge."""

_FILE = Path(__file__).parent / "out" / "bench.json"


class NoFigure(Exception):
    """A run that has not measured what the calculation needs."""


@dataclass(frozen=True, slots=True)
class Video:
    """The seconds of CPU of one video, and its seconds of waiting for S3, SQS and DynamoDB.

    `start_s` is the extra CPU of a cold start, `cold` the share of videos that meet one.
    """

    cpu_s: float
    waits_s: float
    start_s: float
    cold: float

    def seconds(self, memory_mb: int) -> float:
        """The billed seconds: work on one processor, or a share of one, and the waiting."""
        work_s = self.cpu_s + self.cold * self.start_s
        return work_s / min(1, memory_mb / ONE_CPU_MB) + self.waits_s

    def usd(self, memory_mb: int, gb_s_usd: float) -> float:
        return memory_mb / 1024 * self.seconds(memory_mb) * gb_s_usd + REQUEST_USD


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs that nothing here measures.

    They are: seconds of waiting for AWS a video, the share of cold starts, memory, and the prices
    of a GB-second on x86-64 and arm64.
    """

    waits_s: float = 0.15
    cold: float = 0.05
    memory_mb: int = 2048
    x86_usd: float = GB_S_USD["x86_64"]
    arm_usd: float = GB_S_USD["arm64"]


GIVEN = Inputs()


@click.command(context_settings={"show_default": True})
@click.option("--waits-s", type=float, default=GIVEN.waits_s, help="Waiting for AWS, a video.")
@click.option("--cold", type=float, default=GIVEN.cold, help="Share of videos that start cold.")
@click.option("--memory-mb", type=int, default=GIVEN.memory_mb, help="Memory of the function.")
@click.option("--x86-usd", type=float, default=GIVEN.x86_usd, help="A GB-second on x86-64.")
@click.option("--arm-usd", type=float, default=GIVEN.arm_usd, help="A GB-second on arm64.")
def main(**inputs: Any) -> None:
    """Print what a thousand videos cost and how many an hour a VM carries, by the last run of
    `python -m bench` and at these prices.
    """
    try:
        times = measured(json.loads(_FILE.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise click.ClickException(f"there is no {_FILE}: `make bench` writes it") from error
    except NoFigure as error:
        raise click.ClickException(f"{_FILE}: {error}") from error
    click.echo(markdown(times, Inputs(**inputs)))


def markdown(times: dict[str, float], inputs: Inputs = GIVEN) -> str:
    """All calculations, from measured times in seconds."""
    prices = {"x86-64": inputs.x86_usd, "arm64": inputs.arm_usd}
    head = [
        f"a thousand videos, {inputs.memory_mb} MB",
        *("CPU, warm", "CPU that a cold start adds", "billed"),
        *(f"{name}, {usd:.10f} USD/GB-s" for name, usd in prices.items()),
    ]
    lines = [
        f"| {' | '.join(head)} |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(_row(way, times, inputs) for way in ("usual", "ours")),
        "",
        "CPU and billed time are the average of one video. The assumptions:",
        "",
        f"- {inputs.waits_s:g} s of waiting for S3, SQS and DynamoDB a video;",
        f"- a cold start for {inputs.cold:.0%} of the videos;",
        f"- Lambda's list prices of {PRICES_OF}, in us-east-1 as in eu-west-1, without the free",
        f"  tier, and {1_000_000 * REQUEST_USD:.2f} USD for a million requests.",
        "",
        *_carried(times, inputs),
    ]
    return "\n".join(lines)


def _carried(times: dict[str, float], inputs: Inputs) -> list[str]:
    """How many videos one VM brings, and how many an account takes."""
    message_s = times["ours message"]
    video_s = _video("ours", times, inputs).seconds(inputs.memory_mb)
    carried, taken = (rounded(3600 * one) for one in (_VM_BUSY / message_s, _ACCOUNT / video_s))
    return [
        f"A VM of one processor that spends {_VM_BUSY:.0%} of it on the bridge, at",
        f"{figure(1000 * message_s, 'ms')} a video, carries {carried} videos an hour.",
        f"An account with Lambda's {_ACCOUNT:,} invocations at once takes {taken} an hour.",
    ]


def _row(way: str, times: dict[str, float], inputs: Inputs) -> str:
    video = _video(way, times, inputs)
    seconds = (video.cpu_s, video.start_s, video.seconds(inputs.memory_mb))
    prices = (inputs.x86_usd, inputs.arm_usd)
    cells = [
        *(figure(1000 * one, "ms") for one in seconds),
        *(figure(1000 * video.usd(inputs.memory_mb, price), "USD") for price in prices),
    ]
    return f"| {way} | {' | '.join(cells)} |"


def _video(way: str, times: dict[str, float], inputs: Inputs) -> Video:
    return Video(times[f"{way} video"], inputs.waits_s, times[f"{way} start"], inputs.cold)


def measured(run: dict[str, Any]) -> dict[str, float]:
    """The times of a run that the calculation needs, in seconds. Raises NoFigure.

    A cold start adds the time of the first answer, from the start of the process, less that of the
    second answer. So it does not matter whether a way makes its clients before the first event.
    """
    rows = {(part["name"], row["what"]): row for part in run["parts"] for row in part["rows"]}

    def taken(way: str, part: str, what: str) -> float:
        figure = rows.get((part, what), {}).get(way)
        if figure is None:
            raise NoFigure(f"the run has no {what!r} of part {part!r}: `make bench` measures it")
        return float(figure)

    times = {}
    for way in ("usual", "ours"):
        first, second = (taken(way, "start", what) for what in (FIRST_ANSWER, SECOND_ANSWER))
        times[f"{way} video"] = taken(way, "videos", SOMEBODY_KNOWN) / 1000
        times[f"{way} start"] = first - second
        times[f"{way} message"] = taken(way, "bridge", CPU_A_MESSAGE) / 1000
    return times


if __name__ == "__main__":
    main(prog_name="python -m bench.cost")
