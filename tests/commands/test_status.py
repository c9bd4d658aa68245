"""What `status` tells of a ledger and of a bridge."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console
from structlog.testing import capture_logs

from hybridsphere.bridge.telemetry import http
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.commands.status import show
from hybridsphere.ledger.ledger import Ledger, LedgerError, ledger_path
from hybridsphere.messages import Result, S3Record
from hybridsphere.settings import Settings


def shown(settings: Settings) -> list[str]:
    return judged(settings)[1]


def judged(settings: Settings) -> tuple[bool, list[str]]:
    """Whether the bridge is said to be well, and what is printed."""
    out = io.StringIO()
    well = show(settings, Console(file=out, width=60))
    return well, [line.rstrip() for line in out.getvalue().splitlines()]


def record(key: str) -> S3Record:
    return S3Record("videos", key, "e", "01", "2026-11-21T00:00:00.000Z")


@pytest.fixture
def ledger_dir(tmp_path: Path) -> Path:
    ledger_path(tmp_path).parent.mkdir()
    Ledger.open(tmp_path).close()
    return tmp_path


def settings(results_dir: Path, address: str = "") -> Settings:
    return Settings(results_dir=results_dir, http=address)


def test_counts_last_result_delays_and_failures_are_told(ledger_dir: Path) -> None:
    with Ledger.open(ledger_dir) as ledger, ledger.transaction():
        for number, milliseconds in enumerate([10, 30, 80]):
            times = "2026-11-21T00:00:00.000Z", f"2026-11-21T00:00:00.{milliseconds:03}Z"
            ledger.note_invoked(record(f"{number}.mp4"), *times)
        failed = Result.failed(record("0.mp4"), "RetriesExhausted: KeyError")
        ledger.put_result(failed, "2026-11-21T00:00:09.000Z")

    lines = shown(settings(ledger_dir))

    assert "failed                1" in lines
    assert "matched               0" in lines
    assert "waiting for a result  2" in lines
    assert "last stored: 2026-11-21T00:00:09.000Z" in lines
    assert "receipt to invocation: median 30 ms, longest 80 ms" in lines
    assert lines[-1] == "  2026-11-21T00:00:09.000Z  0.mp4: RetriesExhausted: KeyError"


def test_only_the_last_failures_are_shown(ledger_dir: Path) -> None:
    with Ledger.open(ledger_dir) as ledger, ledger.transaction():
        for number in range(9):
            ledger.put_result(Result.failed(record(f"{number}.mp4"), "lost"), f"2026-{number}")

    assert [line.split()[1] for line in shown(settings(ledger_dir))[-5:]] == [
        f"{number}.mp4:" for number in range(4, 9)
    ]


def test_keys_and_reasons_can_neither_steer_the_terminal_nor_style_the_text(
    ledger_dir: Path,
) -> None:
    with Ledger.open(ledger_dir) as ledger, ledger.transaction():
        ledger.put_result(Result.failed(record("\x1b[2J[red]x"), "a\x07b\u202e"), "2026")

    assert shown(settings(ledger_dir))[-1] == r"  2026  \x1b[2J[red]x: a\x07b\u202e"


def test_an_empty_ledger_says_so(ledger_dir: Path) -> None:
    assert "last stored: nothing yet" in shown(settings(ledger_dir))


def test_where_no_ledger_is_the_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="HYBRIDSPHERE_RESULTS_DIR"):
        shown(settings(tmp_path))


@asynccontextmanager
async def answering(
    bucket: str, health: Health, metrics: Metrics | None = None
) -> AsyncIterator[str]:
    """The address at which a bridge of a bucket answers."""
    with capture_logs() as log:
        async with http.listen(("127.0.0.1", 0), bucket, health, metrics or Metrics()):
            (port,) = (line["port"] for line in log if line["event"] == "web.listening")
            yield f"127.0.0.1:{port}"


async def bridge_line(results_dir: Path, address: str) -> tuple[bool, str]:
    well, lines = await asyncio.to_thread(judged, settings(results_dir, address))
    return well, lines[0]


async def test_a_bridge_that_answers_is_asked_how_it_is(ledger_dir: Path) -> None:
    health = Health()
    async with answering("videos", health) as address:
        assert await bridge_line(ledger_dir, address) == (False, "bridge: bridge: starting")
        health.started()
        assert await bridge_line(ledger_dir, address) == (True, "bridge: ready")


async def test_what_a_bridge_has_rejected_is_told_and_where_to_look(
    ledger_dir: Path,
) -> None:
    health, metrics = Health(), Metrics()
    health.started()
    metrics.rejected.labels("input").inc(13)
    metrics.objects_rejected.labels("output").inc()
    async with answering("videos", health, metrics) as address:
        well, lines = await asyncio.to_thread(judged, settings(ledger_dir, address))
    # It works, and what it does not take may be nobody's fault here.
    assert well
    told = "rejected since its start: {} of the {}; the log's {}.rejected says why"
    assert lines[:3] == [
        "bridge: ready",
        told.format(13, "input queue", "message"),
        told.format(1, "output bucket", "object"),
    ]


async def test_where_nothing_was_rejected_nothing_is_said_of_it(
    ledger_dir: Path,
) -> None:
    async with answering("videos", Health()) as address:
        _, lines = await asyncio.to_thread(judged, settings(ledger_dir, address))
    assert not [line for line in lines if line.startswith("rejected")]


async def test_a_bridge_of_another_folder_s_bucket_is_not_taken_for_this_one_s(
    ledger_dir: Path,
) -> None:
    with Ledger.open(ledger_dir) as ledger, ledger.transaction():
        ledger.put_result(Result.failed(record("a.mp4"), "lost"), "2026")
    health = Health()
    health.started()
    async with answering("clips", health) as address:
        well, lines = await asyncio.to_thread(judged, settings(ledger_dir, address))
    assert not well
    told = "the one that answers serves clips, and {} has the results of videos"
    assert told.format(ledger_dir) in lines[1]


async def test_a_bridge_that_does_not_answer_is_told_with_its_address(
    ledger_dir: Path, silent: str
) -> None:
    assert await bridge_line(ledger_dir, silent) == (
        False,
        f"bridge: does not answer at {silent} (Connection refused)",
    )


async def test_another_server_is_not_taken_for_a_bridge(ledger_dir: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        address = f"127.0.0.1:{port}"
        assert await bridge_line(ledger_dir, address) == (
            False,
            f"bridge: something else answers at {address}",
        )


@pytest.mark.parametrize("address", ["", "127.0.0.1:0"])
def test_without_a_fixed_address_nobody_is_asked(ledger_dir: Path, address: str) -> None:
    well, lines = judged(settings(ledger_dir, address))
    assert well
    assert lines[0].startswith("bridge: unknown")
