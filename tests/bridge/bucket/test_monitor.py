"""From the input bucket's listing to the function: each version once, whatever happens between."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from hybridsphere.bridge.bucket.monitor import Monitor
from hybridsphere.bridge.bucket.watcher import Watcher
from hybridsphere.bridge.invoker import Invoker
from hybridsphere.bridge.pacing.limiter import Limiter
from hybridsphere.ledger.ledger import LedgerError
from hybridsphere.messages import parse_s3_event
from tests.bridge.bridge_stage import (
    Journal,
    MakeBucket,
    RealBucket,
    RealFunction,
    Vitals,
    rows,
    storing,
)
from tests.bridge.service_stage import enter
from tests.bridge_process import started
from tests.samples import result
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

StartFunction = Callable[..., Awaitable[RealFunction]]


@asynccontextmanager
async def monitoring(
    bucket: RealBucket,
    function: RealFunction,
    folder: Path,
    *,
    kind: str = "Event",
    max_attempts: int = 3,
) -> AsyncIterator[Vitals]:
    """A monitor at work, in a bridge that begins and ends with it."""
    vitals = Vitals()
    async with storing(folder, vitals) as store:
        invoker = Invoker(
            function=function.function(kind),
            bucket=bucket.name,
            most=100,
            max_attempts=max_attempts,
            limiter=Limiter(100),
            store=store,
            dead_letters=vitals.dead_letters(),
            health=vitals.health,
            metrics=vitals.metrics,
        )
        monitor = Monitor(bucket.name, store, invoker)
        watcher = Watcher(
            "input",
            bucket.bucket,
            new=monitor.new,
            handle=monitor.handle,
            most=100,
            lock=folder.with_name("lock"),
            gate=store.wait_until_working,
            health=vitals.health,
            metrics=vitals.metrics,
        )
        stop = asyncio.Event()
        work = asyncio.create_task(watcher.run(stop, drain_s=10))
        try:
            yield vitals
        finally:
            stop.set()
            await work


def keys_invoked(function: RealFunction) -> list[str]:
    return sorted(parse_s3_event(event)[0].key for event in function.events())


def recorded(folder: Path) -> set[str]:
    """The keys whose invocation is in the ledger."""
    try:
        return {row.key for row in rows(folder) if row.invoked_at}
    except LedgerError:
        return set()


async def test_a_folder_of_zero_bytes_is_not_invoked_for(
    start_function: StartFunction, make_bucket: MakeBucket, tmp_path: Path
) -> None:
    function, bucket = await start_function(), await make_bucket()
    for key, content in (("folder/", b""), ("folder/empty.mp4", b""), ("odd/", b"x")):
        await bucket.put(key, content)
    folder = tmp_path / "results"
    async with monitoring(bucket, function, folder):
        await until(lambda: len(rows(folder)) == 2)
    assert sorted(row.key for row in rows(folder)) == ["folder/empty.mp4", "odd/"]
    assert len(await bucket.all()) == 2


async def test_the_function_is_told_what_the_listing_says(
    start_function: StartFunction, make_bucket: MakeBucket, tmp_path: Path
) -> None:
    bucket, function = await make_bucket(), await start_function()
    await bucket.put("a b+ü/100%.mp4", b"video")
    listed = await bucket.listed("a b+ü/100%.mp4")
    async with monitoring(bucket, function, tmp_path / "results"):
        (event,) = await function.invoked(1)
        await until(lambda: bool(recorded(tmp_path / "results")))
    (record,) = parse_s3_event(event)
    assert (record.bucket, record.key) == (bucket.name, "a b+ü/100%.mp4")
    assert (record.etag, record.sequencer) == (listed.etag, None)
    assert record.event_time == listed.last_modified
    (row,) = rows(tmp_path / "results")
    assert row.version == f"{listed.etag}@{listed.last_modified}"
    assert row.received_at
    assert row.invoked_at
    assert row.received_at <= row.invoked_at


async def test_an_overwritten_object_is_invoked_for_again(
    start_function: StartFunction, make_bucket: MakeBucket, tmp_path: Path
) -> None:
    bucket, function = await make_bucket(), await start_function()
    await bucket.put("a.mp4", b"one")
    async with monitoring(bucket, function, tmp_path / "results"):
        await function.invoked(1)
        await bucket.put("a.mp4", b"two")
        await function.invoked(2)
        await until(lambda: len(rows(tmp_path / "results")) == 2)
    etags = [parse_s3_event(event)[0].etag for event in function.events()]
    assert len(set(etags)) == 2


async def test_after_a_restart_only_what_is_new_is_invoked_for(
    start_function: StartFunction, make_bucket: MakeBucket, tmp_path: Path
) -> None:
    bucket, function = await make_bucket(), await start_function()
    folder = tmp_path / "results"
    for key in ("changed.mp4", "same.mp4"):
        await bucket.put(key, b"one")
    async with monitoring(bucket, function, folder):
        await until(lambda: recorded(folder) == {"changed.mp4", "same.mp4"})
    await bucket.put("changed.mp4", b"two")
    await bucket.put("new.mp4", b"one")
    async with monitoring(bucket, function, folder) as vitals:
        await until(lambda: len(rows(folder)) == 4 and all(row.invoked_at for row in rows(folder)))
        assert vitals.figure("invocations_total", outcome="accepted") == 2
    await function.invoked(4)
    assert keys_invoked(function) == ["changed.mp4", "changed.mp4", "new.mp4", "same.mp4"]


async def test_a_version_that_has_its_result_needs_no_invocation(
    start_function: StartFunction, make_bucket: MakeBucket, tmp_path: Path
) -> None:
    bucket, function = await make_bucket(), await start_function()
    for key in ("done.mp4", "open.mp4"):
        await bucket.put(key)
    done = await bucket.listed("done.mp4")
    async with storing(tmp_path / "results") as store:
        version = {"etag": done.etag, "sequencer": None, "event_time": done.last_modified}
        await store.put([result("done.mp4", bucket=bucket.name, **version)])
    async with monitoring(bucket, function, tmp_path / "results"):
        await until(lambda: recorded(tmp_path / "results") == {"open.mp4"})
    await function.invoked(1)
    assert keys_invoked(function) == ["open.mp4"]


async def test_an_upload_that_keeps_failing_ends_in_failed(
    start_function: StartFunction, make_bucket: MakeBucket, tmp_path: Path, journal: Journal
) -> None:
    bucket, function = await make_bucket(), await start_function()
    folder = tmp_path / "results"
    await bucket.put("fail.mp4")
    async with monitoring(bucket, function, folder, kind="RequestResponse", max_attempts=2):
        await journal.seen("result.written", key="fail.mp4", status="failed")
    async with monitoring(bucket, function, folder, kind="RequestResponse", max_attempts=2):
        await bucket.put("next.mp4")
        await until(lambda: recorded(folder) == {"next.mp4"})
    assert keys_invoked(function) == ["fail.mp4", "fail.mp4", "next.mp4"]
    (row,) = (row for row in rows(folder) if row.key == "fail.mp4")
    assert (row.status, row.attempts) == ("failed", 2)
    assert row.reason == "FunctionError: ValueError: told to fail"


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    moto: str,
    start_function: StartFunction,
    make_bucket: MakeBucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[RealBucket, RealFunction, Path]:
    """The input bucket, the function and the results of a bridge, as the environment names them."""
    bucket, results, function = await make_bucket(), await make_bucket(), await start_function()
    folder = tmp_path / "results"
    names = {"INPUT_BUCKET": bucket.name, "OUTPUT_BUCKET": results.name, "FUNCTION_NAME": "chosen"}
    ways = {"SOURCE": "bucket", "SINK": "bucket"}
    enter(monkeypatch, moto, function, **ways, **names, RESULTS_DIR=str(folder))
    return bucket, function, folder


async def test_kills_lose_no_upload_and_repeat_no_recorded_one(
    site: tuple[RealBucket, RealFunction, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, function, folder = site
    keys = {f"{number:02}.mp4" for number in range(60)}
    for key in keys:
        await bucket.put(key)
    # Few at once, so that there is something left to kill it at.
    monkeypatch.setenv("HYBRIDSPHERE_MAX_IN_FLIGHT", "2")
    done: list[set[str]] = []
    for invocations in (5, 9):
        async with started() as bridge:
            await bridge.seen("event.invoked", times=invocations)
            await bridge.kill()
        done.append(recorded(folder))
    async with started() as bridge:
        await until(lambda: recorded(folder) == keys)
        assert await bridge.stop() == 0
    again = {line["key"] for line in bridge.of("event.invoked")}
    assert again == keys - done[-1]
    await until(lambda: set(keys_invoked(function)) == keys)
    # With two under way, the fifth begins when three are recorded.
    assert len(done[0]) >= 3
    assert all(keys_invoked(function).count(key) == 1 for key in done[0])


async def test_only_an_invocation_that_a_kill_cut_short_is_repeated(
    site: tuple[RealBucket, RealFunction, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, function, folder = site
    for key in ("a.mp4", "b.mp4", "wait.mp4"):
        await bucket.put(key)
    monkeypatch.setenv("HYBRIDSPHERE_INVOCATION_TYPE", "RequestResponse")
    async with started() as bridge:
        await function.gate.arrivals(1)
        await until(lambda: recorded(folder) == {"a.mp4", "b.mp4"})
        assert await bridge.stop(signal.SIGKILL) == -signal.SIGKILL
    function.gate.open()
    async with started() as bridge:
        await until(lambda: recorded(folder) == {"a.mp4", "b.mp4", "wait.mp4"})
        assert await bridge.stop() == 0
    assert keys_invoked(function) == ["a.mp4", "b.mp4", "wait.mp4", "wait.mp4"]
