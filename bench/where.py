"""The parts of a cost: of a video, of a cold start, and of a message through the bridge.

    python -m bench.where [--videos FOLDER --encodings FILE]

Prints the shares, and writes them to bench/out: where.json, where.svg.
"""

import json
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from bench import process
from bench.bridge_run import LEAST, OURS, run_bridge, running_bridge
from bench.doubles.account import REGION
from bench.doubles.process import running_double
from bench.report.figures import figure, rounded

if TYPE_CHECKING:
    from lambda_fn.faces.engine import Engine

OUT = Path(__file__).parent / "out"
PICTURE = OUT / "where.svg"

_ROUNDS = 5
_MESSAGES = 3000

# In pixels.
_WIDTH, _BAR_HEIGHT, _LINE_HEIGHT = 860, 82, 18
_STYLE = 'font-family="sans-serif" font-size="12" fill="#1f2328"'
_COLOURS = ("#2f6feb", "#e3873e", "#5fb37c", "#9a6fd0", "#c9b458", "#d05f6f", "#7d8a99", "#49a6b8")

_PACKAGES = ("numpy", "av", "onnxruntime", "dlib", "face_recognition", "boto3", "botocore")
"""The function's packages; each one that the handler imports is timed alone."""

_IMPORTS = """
import sys, time
used_s = {"Python": time.process_time()}

def timed(name, work):
    began_s = time.process_time()
    work()
    used_s[name] = time.process_time() - began_s

def clients():
    from lambda_fn.runtime.aws import client
    for service in ("s3", "sqs", "dynamodb"):
        client(service)

for name in sys.argv[1].split(","):
    timed(name, lambda: __import__(name))
timed("models and our own", lambda: __import__("lambda_fn.handler"))
timed("clients, with the first event", clients)
import json
print(json.dumps([used_s, sorted(sys.modules)]))
"""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Whole:
    """Something that takes CPU time, and the milliseconds of its pieces."""

    title: str
    pieces: dict[str, float]

    @property
    def ms(self) -> float:
        return sum(self.pieces.values())


@click.command()
@click.option("--videos", type=FOLDER, help="Videos, instead of the demo's clips.")
@click.option("--encodings", type=FILE, help="Known faces for them, .npz or the legacy pickle.")
def main(videos: Path | None, encodings: Path | None) -> None:
    """Print where the time goes, and draw it."""
    if (videos is None) != (encodings is None):
        raise click.UsageError("--videos and --encodings go together")
    OUT.mkdir(exist_ok=True)
    with process.measured_core():
        wholes = [_video(videos, encodings), _start()]
    with process.other_cores():
        wholes.append(_message())
    for whole in wholes:
        click.echo(f"{whole.title}: {figure(whole.ms, 'ms')}")
        for name, ms in whole.pieces.items():
            click.echo(f"  {name}: {figure(ms, 'ms')}, {ms / whole.ms:.0%}")
    command = "python -m bench.where" + (" --videos DIR --encodings FILE" if videos else "")
    pieces = [{"title": whole.title, "pieces": whole.pieces} for whole in wholes]
    figures = {**process.provenance(command), "wholes": pieces}
    (OUT / "where.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    PICTURE.write_text(_svg(wholes, process.machine()), encoding="utf-8")


def _video(videos: Path | None, encodings: Path | None) -> Whole:
    """The mean over the videos that show somebody known; of each the median."""
    # Only now: its BLAS starts as many threads as it sees cores.
    from bench.videos import demo_sample, given_sample  # noqa: PLC0415
    from bench.ways import our_videos  # noqa: PLC0415
    from lambda_fn.faces.engine import engine_of  # noqa: PLC0415

    means: list[dict[str, float]] = []
    given = videos and encodings and nullcontext(given_sample(videos, encodings))
    with given or demo_sample() as sample:
        watched = _Watched(engine_of(sample.gallery))
        engine = cast("Engine", watched)
        for file in sample.videos.values():
            rounds: list[dict[str, float]] = []
            for _ in range(_ROUNDS):
                watched.used_s.clear()
                began_s = time.process_time()
                answer = our_videos.recognise(file, sample.gallery, engine=engine)
                all_s = time.process_time() - began_s
                rounds.append(
                    {"reading, decoding, deciding": all_s - sum(watched.used_s.values())}
                    | {name: watched.used_s[name] for name in ("finding", "encoding")}
                )
            if answer.name:
                means.append(_medians(rounds))
    pieces = {name: 1000 * fmean(one[name] for one in means) for name in means[0]}
    return Whole("A video of somebody known", pieces)


class _Watched:
    """Engine, and the CPU time that they take."""

    def __init__(self, engine: "Engine") -> None:
        self.used_s: defaultdict[str, float] = defaultdict(float)
        self._engine = engine

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._engine, name)
        piece = "encoding" if name.startswith("encode") else "finding"

        def timed(*arguments: Any, **named: Any) -> Any:
            began_s = time.process_time()
            try:
                return method(*arguments, **named)
            finally:
                self.used_s[piece] += time.process_time() - began_s

        return timed


def _start() -> Whole:
    """A process that imports the handler, and makes its clients."""
    # Not counted: this run compiles, and lists the handler's imports.
    _, modules = _imported(["json"])
    packages = [name for name in _PACKAGES if name in modules]
    rounds = [_imported(packages)[0] for _ in range(_ROUNDS)]
    return Whole(
        "A cold start, and what the first event adds",
        {name: 1000 * seconds for name, seconds in _medians(rounds).items()},
    )


def _imported(packages: list[str]) -> tuple[dict[str, float], list[str]]:
    """Return each package's import seconds in a fresh process, and all loaded modules."""
    command = process.python("-c", _IMPORTS, ",".join(packages))
    environment = {**os.environ, "AWS_DEFAULT_REGION": REGION}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    used_s, modules = json.loads(done.stdout.splitlines()[-1])
    return used_s, modules


def _message() -> Whole:
    """Split a message's cost, beside the least: HTTP, the disk, and the rest."""
    with TemporaryDirectory(dir=OUT) as folder, running_double() as double:
        least_ms = run_bridge(LEAST, Path(folder), _MESSAGES).cpu_ms_a_message
        with running_bridge(OURS, double, Path(folder)) as started:
            double.pass_through(_MESSAGES, started)
            before_s, loop_before_s = _cpu_s(started.pid)
            double.pass_through(_MESSAGES, started)
            after_s, loop_after_s = _cpu_s(started.pid)
    loop_ms = 1000 * (loop_after_s - loop_before_s) / _MESSAGES
    all_ms = 1000 * (after_s - before_s) / _MESSAGES
    return Whole(
        "A message through the bridge",
        {
            "requests over bare HTTP": least_ms,
            "signing, deciding, logging": loop_ms - least_ms,
            "ledger and files": all_ms - loop_ms,
        },
    )


def _cpu_s(pid: int) -> tuple[float, float]:
    """The CPU time of a process, and of its first thread alone, which runs the loop."""
    nanoseconds = Path(f"/proc/{pid}/schedstat").read_text().split()[0]
    return process.cpu_seconds(pid), int(nanoseconds) / 1e9


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def _svg(wholes: Sequence[Whole], machine: str) -> str:
    """A bar for each whole, in its pieces, each with its name and milliseconds below."""
    parts: list[str] = []
    top = 0
    for whole in wholes:
        legend = _legend(whole)
        parts += _bar(whole, legend, top)
        top += _BAR_HEIGHT + _LINE_HEIGHT * legend[-1].line
    height = top + 30
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_STYLE}>',
            '<rect width="100%" height="100%" fill="#fff"/>',
            *parts,
            f'<text x="16" y="{height - 10}" fill="#59636e">CPU time on {escape(machine)}</text>',
            "</svg>\n",
        ]
    )


class _Entry(NamedTuple):
    """The name of a piece in the legend, and where it stands: lines from 0, pixels."""

    text: str
    line: int
    x: float


def _legend(whole: Whole) -> list[_Entry]:
    """The names of the pieces, in as many lines as they need."""
    entries = []
    line, x = 0, 16.0
    for name, ms in whole.pieces.items():
        text = f"{name} {rounded(ms)}"
        width = 26 + 6.4 * len(text)
        if x + width > _WIDTH:
            line, x = line + 1, 16.0
        entries.append(_Entry(text, line, x))
        x += width
    return entries


def _bar(whole: Whole, legend: Sequence[_Entry], top: int) -> Iterator[str]:
    yield (
        f'<text x="16" y="{top + 22}" font-weight="600">{escape(whole.title)}: '
        f"{figure(whole.ms, 'ms')}</text>"
    )
    x = 16.0
    for number, (ms, entry) in enumerate(zip(whole.pieces.values(), legend, strict=True)):
        colour = _COLOURS[number % len(_COLOURS)]
        width = (_WIDTH - 32) * max(0, ms) / whole.ms
        below = top + _LINE_HEIGHT * entry.line
        yield f'<rect x="{x:.1f}" y="{top + 30}" width="{width:.1f}" height="18" fill="{colour}"/>'
        yield f'<rect x="{entry.x:.0f}" y="{below + 57}" width="9" height="9" fill="{colour}"/>'
        yield f'<text x="{entry.x + 13:.0f}" y="{below + 66}">{escape(entry.text)}</text>'
        x += width


if __name__ == "__main__":
    main(prog_name="python -m bench.where")
