"""The report of `status` about a ledger and a bridge."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from structlog.testing import capture_logs

from hybridsphere.bridge.telemetry import http
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.commands.status import DELAYS_MEASURED, Uploads, show_status
from hybridsphere.commands.watch import watch_status
from hybridsphere.ledger.ledger import Ledger, LedgerError, ledger_path
from hybridsphere.messages import Result, S3Record, utc_text
from hybridsphere.screen import Screen
from hybridsphere.settings import Settings
from tests.samples import result


def shown(settings: Settings) -> list[str]:
    return judged(settings)[1]


def judged(settings: Settings, *, width: int = 0) -> tuple[bool, list[str]]:
    """Return the judgement and the lines; for a terminal if a width is given."""
    out = io.StringIO()
    console = Console(file=out, width=width or 60, force_terminal=bool(width), color_system=None)
    well = show_status(settings, console)
    return well, out.getvalue().splitlines()


def record(key: str) -> S3Record:
    return S3Record("videos", key, "e", "01", "2026-11-21T00:00:00.000Z")


@pytest.fixture
def ledger_dir(tmp_path: Path) -> Path:
    ledger_path(tmp_path).parent.mkdir()
    Ledger.open(tmp_path).close()
    return tmp_path


def settings(results_dir: Path, address: str = "") -> Settings:
    return Settings(results_dir=results_dir, http=address)


def put(folder: Path, *results: Result, at: str = "2026-11-21T00:00:09.000Z") -> None:
    with Ledger.open(folder) as ledger, ledger.transaction():
        for one in results:
            ledger.put_result(one, at)


def test_counts_delays_and_times_are_shown(ledger_dir: Path) -> None:
    with Ledger.open(ledger_dir) as ledger, ledger.transaction():
        for number, milliseconds in enumerate([10, 30, 80]):
            times = "2026-11-21T00:00:00.000Z", f"2026-11-21T00:00:00.{milliseconds:03}Z"
            ledger.note_invoked(record(f"{number}.mp4"), *times)
        ledger.count_attempt(record("3.mp4"), "2026-11-21T00:00:00.000Z")
        since = ledger.counting_since
    put(ledger_dir, Result.failed(record("0.mp4"), "RetriesExhausted: KeyError"))

    lines = shown(settings(ledger_dir))

    assert f"uploads since {since}" in lines
    assert "failed: 1" in lines
    assert "matched: 0" in lines
    assert any(line.startswith("waits for a result: 2, the oldest for ") for line in lines)
    assert any(line.startswith("waits for Lambda: 1, the oldest for ") for line in lines)
    assert "last stored: 2026-11-21T00:00:09.000Z" in lines
    assert "event to invocation: median 30 ms, longest 80 ms" in lines
    assert lines[-1] == "2026-11-21T00:00:09.000Z: 0.mp4: RetriesExhausted: KeyError"


def test_the_last_failures_are_the_last_by_time(ledger_dir: Path) -> None:
    for number in (3, 8, 1, 7, 2, 6, 5, 4, 0):
        put(ledger_dir, Result.failed(record(f"{number}.mp4"), "lost"), at=f"2026-{number}")
    lines = shown(settings(ledger_dir))
    assert lines[-5:] == [f"2026-{number}: {number}.mp4: lost" for number in (8, 7, 6, 5, 4)]
    assert "last stored: 2026-8" in lines


def test_keys_and_reasons_cannot_steer_the_terminal(ledger_dir: Path) -> None:
    put(ledger_dir, Result.failed(record("\x1b[2J[red]x"), "a\x07b\u202e"), at="2026")
    assert shown(settings(ledger_dir))[-1] == r"2026: \x1b[2J[red]x: a\x07b\u202e"


def test_without_a_ledger_the_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="HYBRIDSPHERE_RESULTS_DIR"):
        shown(settings(tmp_path))


@pytest.mark.parametrize("address", ["", "127.0.0.1:0"])
def test_without_a_fixed_address_the_bridge_is_not_called_well(
    ledger_dir: Path, address: str
) -> None:
    well, lines = judged(settings(ledger_dir, address))
    assert well
    assert lines[0] == "– The uploads are well; the bridge could not be asked."


def test_uploads_that_all_failed_are_a_trouble(ledger_dir: Path) -> None:
    put(ledger_dir, Result.failed(record("a.mp4"), "KeyError"))
    well, lines = judged(settings(ledger_dir))
    assert not well
    assert lines[0] == "✗ Uploads fail."
    assert lines[1].startswith("hint: ")
    assert lines[2].startswith("✗ uploads: every one failed: KeyError; hint: ")
    assert lines[2].endswith("(docs/operations.md#uploads-fail)")


def test_one_failure_after_a_success_is_no_trouble(ledger_dir: Path) -> None:
    put(ledger_dir, result("a.mp4"), at="2026-11-21T00:00:08.000Z")
    put(ledger_dir, Result.failed(record("b.mp4"), "KeyError"))
    well, _ = judged(settings(ledger_dir))
    assert well


@asynccontextmanager
async def answering(
    bucket: str, health: Health, metrics: Metrics | None = None
) -> AsyncIterator[str]:
    """The address at which a bridge of a bucket answers."""
    with capture_logs() as log:
        async with http.listen(("127.0.0.1", 0), bucket, health, metrics or Metrics()):
            (port,) = (line["port"] for line in log if line["event"] == "web.listening")
            yield f"127.0.0.1:{port}"


async def asked(results_dir: Path, address: str) -> tuple[bool, list[str]]:
    return await asyncio.to_thread(judged, settings(results_dir, address))


async def test_the_headline_follows_the_bridge(ledger_dir: Path) -> None:
    health = Health()
    async with answering("videos", health) as address:
        well, lines = await asked(ledger_dir, address)
        assert (well, lines[0]) == (False, "✗ The bridge is starting.")
        health.started()
        well, lines = await asked(ledger_dir, address)
        assert (well, lines[0]) == (True, "✓ The bridge works; no upload has arrived yet.")
        assert lines[1] == "hint: upload a video to the bucket videos"
        with Ledger.open(ledger_dir) as ledger, ledger.transaction():
            hour_ago = utc_text(datetime.now(UTC) - timedelta(hours=3))
            ledger.note_invoked(record("a.mp4"), hour_ago, hour_ago)
        well, lines = await asked(ledger_dir, address)
        assert lines[0] == "✓ The bridge works; 1 upload waits for a result, the oldest for 3 h."
        put(ledger_dir, result("b.mp4", bucket="videos"))
        with Ledger.open(ledger_dir) as ledger, ledger.transaction():
            ledger.put_result(Result.failed(record("a.mp4"), "lost"), "2026")
        well, lines = await asked(ledger_dir, address)
        assert (well, lines[0]) == (True, "✓ The bridge works; every upload has its result.")


async def test_every_trouble_of_the_bridge_has_its_remedy(ledger_dir: Path) -> None:
    health = Health()
    health.started()
    health.report("results", "OSError: [Errno 28] No space left on device")
    health.report("input queue", "ReceiveMessage: AccessDenied: no")
    async with answering("videos", health) as address:
        well, lines = await asked(ledger_dir, address)
    assert not well
    assert lines[:4] == [
        "✗ The disk is full, and 1 more trouble.",
        "hint: make room on the disk",
        (
            "✗ results: OSError: [Errno 28] No space left on device; hint: make room on the disk "
            "(docs/operations.md#the-disk-is-full)"
        ),
        (
            "✗ input queue: ReceiveMessage: AccessDenied: no; hint: allow sqs:ReceiveMessage to "
            "these credentials, or correct HYBRIDSPHERE_INPUT_QUEUE_URL "
            "(docs/operations.md#a-permission-is-missing)"
        ),
    ]


async def test_held_and_rejected_messages_are_counted(ledger_dir: Path) -> None:
    health, metrics = Health(), Metrics()
    health.started()
    metrics.rejected.labels("input").inc(13)
    metrics.objects_rejected.labels("output").inc()
    metrics.in_flight.labels("output").set(4)
    metrics.oldest.labels("output").set(75)
    async with answering("videos", health, metrics) as address:
        well, lines = await asked(ledger_dir, address)
    assert well
    assert "rejected, input queue: 13 since the start: log, message.rejected" in lines
    assert "rejected, output bucket: 1 since the start: log, object.rejected" in lines
    assert "held, output queue: 4, the oldest for 75 s" in lines


async def test_a_bridge_of_another_bucket_is_a_trouble(ledger_dir: Path) -> None:
    put(ledger_dir, result("a.mp4", bucket="videos"))
    health = Health()
    health.started()
    async with answering("clips", health) as address:
        well, lines = await asked(ledger_dir, address)
    assert not well
    reason = f"serves the bucket clips, {ledger_dir} has the results of videos"
    assert reason in lines[2]
    assert "hint: correct HYBRIDSPHERE_HTTP or HYBRIDSPHERE_RESULTS_DIR" in lines[2]


async def test_a_silent_bridge_is_a_trouble(ledger_dir: Path, silent: str) -> None:
    well, lines = await asked(ledger_dir, silent)
    assert not well
    assert lines[2].startswith(
        f"✗ bridge: does not answer at {silent} (Connection refused); hint: start the bridge"
    )


async def test_another_server_is_not_taken_for_a_bridge(ledger_dir: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        well, lines = await asked(ledger_dir, f"127.0.0.1:{port}")
    assert not well
    assert f"something else answers at 127.0.0.1:{port}" in lines[2]


async def test_without_a_ledger_the_troubles_of_the_bridge_are_printed(tmp_path: Path) -> None:
    health = Health()
    health.started()
    health.report("results", "FileNotFoundError: [Errno 2] gone, mount its disk again")
    out = io.StringIO()
    async with answering("videos", health) as address:
        with pytest.raises(LedgerError):
            await asyncio.to_thread(
                show_status, settings(tmp_path, address), Console(file=out, width=60)
            )
    assert "✗ results: " in out.getvalue()
    assert "mount the disk again" in out.getvalue()


async def test_json_has_everything(ledger_dir: Path) -> None:
    put(ledger_dir, Result.failed(record("a.mp4"), "KeyError"))
    health = Health()
    health.started()
    health.report("results", "OSError: [Errno 28] No space left on device")
    out = io.StringIO()
    async with answering("videos", health) as address:
        well = await asyncio.to_thread(
            show_status, settings(ledger_dir, address), Console(file=out), as_json=True
        )
    status = json.loads(out.getvalue())
    assert (well, status["well"], status["input_bucket"]) == (False, False, "videos")
    assert [one["part"] for one in status["troubles"]] == ["results", "uploads"]
    assert status["troubles"][0]["fix"] == "make room on the disk"
    assert status["uploads"]["failed"] == 1
    assert status["waiting"]["result"] == {"count": 0, "oldest": None}
    assert [row["key"] for row in status["last_failures"]] == ["a.mp4"]


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_gets_aligned_columns_and_whole_words(ledger_dir: Path, width: int) -> None:
    words = [f"word{number}" for number in range(60)]
    put(ledger_dir, Result.failed(record("a.mp4"), " ".join(words)))
    _, lines = judged(settings(ledger_dir), width=width)
    assert all(len(line) <= width for line in lines)
    assert set(words) <= {word for line in lines for word in line.split()}
    (matched, failed) = (
        next(line for line in lines if line.startswith(f"  {name} "))
        for name in ("matched", "failed")
    )
    assert matched.index("0") == failed.index("1")


def test_a_pipe_gets_no_padding(ledger_dir: Path) -> None:
    put(ledger_dir, Result.failed(record("a.mp4"), "lost"))
    lines = shown(settings(ledger_dir))
    assert [line for line in lines if "  " in line or line != line.strip() or not line] == []


ROWS = 100_000
_MANY = """
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
INSERT INTO uploads (bucket, key, version, etag, event_time, created_at, received_at, invoked_at,
    status, reason, people, csv, stored_at)
SELECT 'videos', n || '.mp4', 'v', 'e', '2026', '2026', '2026-11-21T00:00:00.000Z',
    '2026-11-21T00:00:01.000Z',
    CASE n % 10 WHEN 0 THEN NULL WHEN 1 THEN 'failed' ELSE 'matched' END,
    'why', '[]', 'name,major,year,status', CASE n % 10 WHEN 0 THEN NULL ELSE n END
FROM number
"""


def test_no_figure_reads_every_row(ledger_dir: Path) -> None:
    with Ledger.open(ledger_dir) as ledger, ledger.transaction():
        ledger._connection.execute(_MANY, (ROWS,))
    asked: set[str] = set()
    steps = 0

    def count_steps() -> None:
        nonlocal steps
        steps += 1000

    with Ledger.read(ledger_dir) as ledger:
        connection = ledger._connection
        connection.set_trace_callback(asked.add)
        connection.set_progress_handler(count_steps, 1000)
        uploads = Uploads.of(ledger)
        connection.set_trace_callback(None)
        connection.set_progress_handler(None, 0)
        plans = [
            str(row[3])
            for statement in asked
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        ]
    assert uploads.counts["matched"] == ROWS * 8 // 10
    assert len(uploads.delays_s) == DELAYS_MEASURED
    # Each goes by an index. The one exception reads DELAYS_MEASURED rows from the end.
    assert [plan for plan in plans if plan == "SCAN uploads"] == ["SCAN uploads"]
    assert {plan for plan in plans if "SCAN uploads" in plan} == {
        "SCAN uploads",
        "SCAN uploads USING INDEX waiting",
        "SCAN uploads USING COVERING INDEX answered_otherwise",
    }
    # SQLite counts in a few steps a row: 40 ms for a million rows.
    assert steps < 6 * ROWS


def test_a_watch_prints_the_status_again_once_it_has_changed(tmp_path: Path) -> None:
    settings = Settings(results_dir=tmp_path, http=None)
    out = io.StringIO()
    steps = iter([lambda: None, lambda: store_one(tmp_path), lambda: None])

    def sleep(_: float) -> None:
        try:
            next(steps)()
        except StopIteration:
            raise KeyboardInterrupt from None

    with pytest.raises(KeyboardInterrupt):
        watch_status(settings, Screen(file=out, width=200), sleep=sleep)
    text = out.getvalue()
    assert text.count("no ledger at") == 1
    assert text.count("matched: 1") == 1


def store_one(folder: Path) -> None:
    ledger_path(folder).parent.mkdir()
    with Ledger.open(folder) as ledger, ledger.transaction():
        ledger.put_result(result(), utc_text())
