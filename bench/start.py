"""A cold start: a fresh process of the function, as the image starts it, until it asks for its
first event, and on until it has answered that and one more.

Both ways run in AWS's own runtime client, in front of the account on this machine.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import boto3

from bench import process
from bench.report.row import FIRST_ANSWER, SECOND_ANSWER, Part, Row, Target, WrongAnswer
from bench.rounds import Rounds
from hybridsphere.demo.clips import write_students
from hybridsphere.host.function import Invocation, Response
from hybridsphere.host.runtime_api import RuntimeApi
from hybridsphere.local import resources
from hybridsphere.local.account import LocalAccount
from hybridsphere.messages import S3Record, utc_text

HANDLERS = {
    "usual": "bench.ways.usual_handler.handler",
    "ours": resources.FUNCTION.handler,
}

_ROOT = Path(__file__).parents[1]
_PATIENCE_S = 60
_SECONDS = 40

_TIME, _MEMORY = Target(0.3, "usual"), Target(1, "usual")


@dataclass(frozen=True, slots=True)
class Start:
    """The cost of a process until it was ready, and until it had answered; memory is the peak.

    `warm_cpu_s` is the CPU time of the second answer alone.
    """

    ready_cpu_s: float
    ready_s: float
    ready_mb: float
    answer_cpu_s: float
    answer_s: float
    answer_mb: float
    warm_cpu_s: float


def measure(*, rounds: Rounds, report: Callable[[str], None]) -> Part:
    """Both ways in turn, each on the measured core; medians.

    Raises WrongAnswer unless both answer rightly.
    """
    starts = asyncio.run(_measure(rounds, report))

    def row(what: str, unit: str, figure: Callable[[Start], float], target: Target | None) -> Row:
        usual, ours = (median(figure(one) for one in starts[way]) for way in HANDLERS)
        return Row(what, unit, usual, ours, target=target)

    return Part(
        name="start",
        title="A cold start: a fresh process of the function, on one core",
        usual_way="import face_recognition, clients of three services, all of the video copied",
        rows=[
            row("ready for the first event: CPU time", "s", lambda one: one.ready_cpu_s, _TIME),
            row("ready for the first event: by the clock", "s", lambda one: one.ready_s, None),
            row(FIRST_ANSWER, "s", lambda one: one.answer_cpu_s, None),
            row("first answer: by the clock", "s", lambda one: one.answer_s, None),
            row(SECOND_ANSWER, "s", lambda one: one.warm_cpu_s, None),
            row("most memory until ready", "MB", lambda one: one.ready_mb, _MEMORY),
            row("most memory until the first answer", "MB", lambda one: one.answer_mb, _MEMORY),
        ],
        notes=[
            "The first answer includes everything that loads on demand.",
            "Modules are compiled, as they are in the image.",
        ],
    )


async def _measure(rounds: Rounds, report: Callable[[str], None]) -> dict[str, list[Start]]:
    # The face libraries; nothing of this process is on the clock.
    from bench.films import portrait  # noqa: PLC0415
    from bench.videos import demo_gallery  # noqa: PLC0415

    starts: dict[str, list[Start]] = {way: [] for way in HANDLERS}
    with TemporaryDirectory() as name:
        folder = Path(name)
        demo_gallery().save(folder / "gallery.npz")
        async with LocalAccount(gallery=folder / "gallery.npz", workers=1) as account:
            environment = _environment(account, folder / "gallery.npz")
            await asyncio.to_thread(_load_students, environment, folder)
            events = _uploads(environment, portrait().shoot(folder))
            # Not counted: the first start of each compiles, and fills the page cache.
            for handler in HANDLERS.values():
                await _start(handler, environment, events)
            for number in rounds.within(_SECONDS):
                for way, handler in HANDLERS.items():
                    rounds.check()
                    start = await _start(handler, environment, events)
                    starts[way].append(start)
                    report(f"round {number}, {way}: ready after {start.ready_cpu_s:.2f} s of CPU")
    return starts


def _environment(account: LocalAccount, gallery: Path) -> dict[str, str]:
    """Return the environment of the function, with Python's path to it."""
    return {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        **account.environment(),
        "HYBRIDSPHERE_GALLERY": str(gallery),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(resources.FUNCTION.memory_mb),
    }


def _load_students(environment: Mapping[str, str], folder: Path) -> None:
    write_students(folder / "students.json")
    command = process.python(
        "-m", "hybridsphere", "students", "load", str(folder / "students.json")
    )
    subprocess.run(command, env=dict(environment), check=True, capture_output=True)


def _uploads(environment: Mapping[str, str], video: Path) -> Iterator[bytes]:
    """Yield events of new uploads: each has a new key, so its CSV is new."""
    s3 = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    bucket = environment["HYBRIDSPHERE_INPUT_BUCKET"]
    for number in count():
        key = f"clip {number}.mp4"
        put = s3.put_object(Bucket=bucket, Key=key, Body=video.read_bytes())
        record = S3Record(bucket, key, put["ETag"].strip('"'), None, utc_text())
        yield json.dumps(record.to_event()).encode()


async def _start(handler: str, environment: Mapping[str, str], events: Iterator[bytes]) -> Start:
    """A process from its start to its second answer. Raises WrongAnswer."""
    first, second = [
        Invocation(name, await asyncio.to_thread(next, events), resources.FUNCTION.arn)
        for name in ("first", "second")
    ]
    api = RuntimeApi()
    await api.start()
    try:
        async with asyncio.timeout(_PATIENCE_S), _process(handler, environment, api) as started:
            began_s = time.monotonic()
            failure = await api.initialised()
            if failure is not None:
                raise WrongAnswer(f"{handler}: {failure.payload.decode()}")
            ready_s, pid = time.monotonic() - began_s, started.pid
            ready = process.cpu_seconds(pid), process.peak_memory_mb(pid)
            check(handler, await api.run(first, _PATIENCE_S))
            answer_s = time.monotonic() - began_s
            answer = process.cpu_seconds(pid), process.peak_memory_mb(pid)
            check(handler, await api.run(second, _PATIENCE_S))
            return Start(
                ready_cpu_s=ready[0],
                ready_s=ready_s,
                ready_mb=ready[1],
                answer_cpu_s=answer[0],
                answer_s=answer_s,
                answer_mb=answer[1],
                warm_cpu_s=process.cpu_seconds(pid) - answer[0],
            )
    finally:
        await api.stop()


@asynccontextmanager
async def _process(
    handler: str, environment: Mapping[str, str], api: RuntimeApi
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The runtime client on the measured core; without the launcher that `running` goes through,
    for its time would count.
    """
    with process.measured_core():
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "awslambdaric", handler),
            cwd=_ROOT,
            env={**environment, "AWS_LAMBDA_RUNTIME_API": api.address},
            stdout=asyncio.subprocess.DEVNULL,
        )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        await started.wait()


def check(handler: str, response: Response) -> None:
    """Raises WrongAnswer unless the video was matched."""
    answer: Any = json.loads(response.payload)
    if response.is_error or [video["status"] for video in answer["videos"]] != ["matched"]:
        raise WrongAnswer(f"{handler}: {answer}")
