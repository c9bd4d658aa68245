"""What a thousand videos cost on Lambda, and how many an hour one VM carries.

    python -m bench.cost [OPTIONS]

Prices are given, times are those of bench/out/bench.json. Requests to S3, SQS and DynamoDB are no
part of it: they are the same for everybody.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

PRICES_OF = "August 2025"
"""When these were Lambda's list prices, in us-east-1 as in eu-west-1, without the free tier."""

GB_S_USD = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
REQUEST_USD = 0.20 / 1_000_000

ONE_CPU_MB = 1769
"""The memory with which a function has one processor (AWS Lambda developer guide)."""

_VM_BUSY = 0.5
"""The share of its processor that a VM is to spend on the bridge."""

_FILE = Path(__file__).parent / "out" / "bench.json"


@dataclass(frozen=True, slots=True)
class Video:
    """What a video takes: CPU in seconds, and the seconds that S3, SQS and DynamoDB are waited for;
    `start_s` is a cold start's CPU, `cold` the share of videos that meet one.
    """

    cpu_s: float
    waits_s: float
    start_s: float
    cold: float

    def seconds(self, memory_mb: int) -> float:
        """What is billed: work on one processor, or a part of one, and the waiting."""
        work_s = self.cpu_s + self.cold * self.start_s
        return work_s / min(1, memory_mb / ONE_CPU_MB) + self.waits_s

    def usd(self, memory_mb: int, gb_s_usd: float) -> float:
        return memory_mb / 1024 * self.seconds(memory_mb) * gb_s_usd + REQUEST_USD


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is not measured here: waiting for AWS, a video; the share of cold starts; memory; prices
    of a GB-second on x86-64 and on arm64.
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
    """Print both, with what they follow from."""
    try:
        times = measured(json.loads(_FILE.read_text(encoding="utf-8")))
    except (OSError, KeyError) as error:
        raise click.ClickException(f"{_FILE}: {error}: `make bench` measures it first") from error
    click.echo(markdown(times, Inputs(**inputs)))


def markdown(times: dict[str, float], inputs: Inputs = GIVEN) -> str:
    """Both calculations, from measured times in seconds."""
    x86, arm = (f"{usd:.10f} USD/GB-s" for usd in (inputs.x86_usd, inputs.arm_usd))
    head = f"a thousand videos, {inputs.memory_mb} MB | CPU a video | billed a video"
    message_s = times["ours message"]
    videos = 3600 * _VM_BUSY / message_s
    return "\n".join(
        [
            f"| {head} | x86-64, {x86} | arm64, {arm} |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(_row(way, times, inputs) for way in ("usual", "ours")),
            "",
            f"A VM of one processor that spends {_VM_BUSY:.0%} of it on the bridge, at",
            f"{1000 * message_s:.2f} ms a video, carries {videos:,.0f} videos an hour.",
        ]
    )


def _row(way: str, times: dict[str, float], inputs: Inputs) -> str:
    video = Video(times[f"{way} video"], inputs.waits_s, times[f"{way} start"], inputs.cold)
    billed_ms = 1000 * video.seconds(inputs.memory_mb)
    prices = (inputs.x86_usd, inputs.arm_usd)
    usd = " | ".join(f"{1000 * video.usd(inputs.memory_mb, price):.4f} USD" for price in prices)
    return f"| {way} | {1000 * video.cpu_s:.0f} ms | {billed_ms:.0f} ms | {usd} |"


def measured(run: dict[str, Any]) -> dict[str, float]:
    """The times of a run that the calculation needs, in seconds."""
    rows = {(part["name"], row["what"]): row for part in run["parts"] for row in part["rows"]}
    video = rows["videos", "somebody known, on average"]
    start = rows["start", "ready for the first event: CPU time"]
    message = rows["bridge", "CPU a message"]
    return {
        f"{way} {what}": row[way] / per
        for way in ("usual", "ours")
        for what, row, per in (
            ("video", video, 1000),
            ("start", start, 1),
            ("message", message, 1000),
        )
    }


if __name__ == "__main__":
    main(prog_name="python -m bench.cost")
