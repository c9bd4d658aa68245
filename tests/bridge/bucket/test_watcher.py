"""A bucket that is watched: each object handed over once, page by page, at a fitting pace."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hybridsphere.aws import Listed, Refused, Unavailable
from hybridsphere.bridge.bucket import watcher
from hybridsphere.bridge.bucket.watcher import Watcher
from hybridsphere.local.moto_server import MotoServer
from tests.bridge.bridge_stage import Journal, MakeBucket, RealBucket, Tap, Vitals
from tests.stage import PATIENCE_S, client_of, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Desk:
    """A handler that notes new objects, and holds them until `go`."""

    def __init__(self, *, hold: bool = False) -> None:
        self.pages: list[list[str]] = []
        self.begun: list[str] = []
        self.done: set[Listed] = set()
        self.failures: dict[str, Exception] = {}
        self.present = 0
        self.most_present = 0
        self.go = asyncio.Event()
        if not hold:
            self.go.set()

    async def new(self, page: Sequence[Listed]) -> list[Listed]:
        self.pages.append([one.key for one in page])
        return [one for one in page if one not in self.done]

    async def handle(self, found: Listed) -> None:
        self.begun.append(found.key)
        self.present += 1
        self.most_present = max(self.present, self.most_present)
        try:
            await self.go.wait()
            if found.key in self.failures:
                raise self.failures[found.key]
            self.done.add(found)
        finally:
            self.present -= 1

    async def has(self, *keys: str) -> None:
        await until(lambda: sorted(one.key for one in self.done) == sorted(keys))


@dataclass
class Watching:
    """A watcher at work."""

    vitals: Vitals
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def end(self) -> None:
        self.stop.set()
        assert self.task
        async with asyncio.timeout(PATIENCE_S):
            await self.task


Watch = Callable[..., AbstractAsyncContextManager[Watching]]


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """Watches a bucket; all watchers of a test have one lock."""

    @asynccontextmanager
    async def watching(
        bucket: RealBucket,
        desk: Desk,
        *,
        most: int = 100,
        gate: Callable[[], Awaitable[None]] | None = None,
        drain_s: float = 10,
    ) -> AsyncIterator[Watching]:
        made = Watching(Vitals())
        watcher = Watcher(
            "input",
            bucket.bucket,
            new=desk.new,
            handle=desk.handle,
            most=most,
            lock=tmp_path / "lock",
            gate=gate or Tap(),
            health=made.vitals.health,
            metrics=made.vitals.metrics,
        )
        made.task = asyncio.create_task(watcher.run(made.stop, drain_s))
        try:
            yield made
        finally:
            made.stop.set()
            await made.task

    return watching


@pytest_asyncio.fixture(loop_scope="session")
async def small_pages(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealBucket]:
    """A bucket whose listing has ten objects a page."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")
    async with MotoServer() as server, client_of("s3", server.endpoint) as client:
        made = RealBucket(client, "small-pages")
        await made.begin()
        yield made


async def test_each_object_is_handed_over_once(watch: Watch, make_bucket: MakeBucket) -> None:
    bucket, desk = await make_bucket(), Desk()
    await bucket.put("a")
    async with watch(bucket, desk) as watching:
        await desk.has("a")
        await bucket.put("b ü/&<>")
        await desk.has("a", "b ü/&<>")
        read = len(desk.pages)
        await until(lambda: len(desk.pages) > read + 1)
        await watching.end()
    assert desk.begun == ["a", "b ü/&<>"]
    assert watching.vitals.figure("objects_found_total", bucket="input") == 2
    assert watching.vitals.figure("objects_in_flight", bucket="input") == 0


async def test_what_is_under_way_is_not_asked_for_again(
    watch: Watch, make_bucket: MakeBucket
) -> None:
    bucket, desk = await make_bucket(), Desk(hold=True)
    await bucket.put("slow")
    async with watch(bucket, desk):
        await until(lambda: len(desk.pages) >= 3)
        assert desk.begun == ["slow"]
        assert desk.pages[1:] == [[]] * (len(desk.pages) - 1)
        desk.go.set()
        await desk.has("slow")


async def test_pages_are_read_no_faster_than_they_are_handled(
    watch: Watch, small_pages: RealBucket
) -> None:
    desk = Desk(hold=True)
    keys = [f"{number:02}" for number in range(35)]
    for key in keys:
        await small_pages.put(key)
    async with watch(small_pages, desk, most=3) as watching:
        await until(lambda: desk.present == 3)
        assert watching.vitals.figure("objects_in_flight", bucket="input") == 3
        # It knows ten of 35 objects: the next page must wait until they have found room.
        assert desk.pages == [keys[:10]]
        desk.go.set()
        await desk.has(*keys)
    assert desk.most_present == 3
    assert desk.begun == keys
    assert max(map(len, desk.pages)) == 10


class Clock:
    """A stand-in for asyncio in the watcher: sleeps end at once, and their lengths are kept."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        await asyncio.sleep(0.001)


async def test_readings_slow_down_while_nothing_happens(
    watch: Watch, make_bucket: MakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, desk, clock = await make_bucket(), Desk(), Clock()
    monkeypatch.setattr(watcher, "asyncio", clock)
    monkeypatch.setattr(watcher, "FASTEST_S", 10)
    monkeypatch.setattr(watcher, "SLOWEST_S", 100)
    async with watch(bucket, desk):
        # The tenth pause is beyond 10 s times 1.5 to the tenth.
        await until(lambda: len(clock.pauses) >= 12)
        idle = clock.pauses[:12]
        slow = len(clock.pauses)
        await bucket.put("a")
        await desk.has("a")
        await until(lambda: any(pause_s <= 10 for pause_s in clock.pauses[slow:]))
        hurried = len(clock.pauses)
        await until(lambda: any(pause_s > 60 for pause_s in clock.pauses[hurried:]))
    assert all(later > earlier for earlier, later in pairwise(idle[:6]))
    assert all(80 <= pause_s <= 100 for pause_s in idle[7:])
    assert max(clock.pauses) <= 100


async def test_a_failed_object_is_retried_and_reported_until_handled(
    watch: Watch, make_bucket: MakeBucket, journal: Journal
) -> None:
    bucket, desk = await make_bucket(), Desk()
    desk.failures["bad"] = Refused("GetObject: AccessDenied: no", "AccessDenied")
    await bucket.put("bad")
    await bucket.put("good")
    async with watch(bucket, desk) as watching:
        await desk.has("good")
        await journal.seen(
            "object.failed", times=3, key="bad", reason="GetObject: AccessDenied: no"
        )
        assert watching.vitals.health.troubles == {"input bucket": "GetObject: AccessDenied: no"}
        assert not journal.of("trouble.ended")
        desk.failures.clear()
        await desk.has("good", "bad")
        await journal.seen("trouble.ended", part="input bucket")
    assert desk.begun.count("good") == 1
    assert watching.vitals.figure("objects_in_flight", bucket="input") == 0


async def test_failing_objects_leave_room_for_the_others(
    watch: Watch, make_bucket: MakeBucket, journal: Journal
) -> None:
    bucket, desk = await make_bucket(), Desk()
    for key in ("bad 1", "bad 2", "bad 3"):
        desk.failures[key] = Unavailable("GetObject: InternalError: it alone")
        await bucket.put(key)
    await bucket.put("good")
    async with watch(bucket, desk, most=1):
        await desk.has("good")
        # Also once the trouble is known.
        await bucket.put("late")
        await desk.has("good", "late")
        await journal.seen("object.failed", times=3, key="bad 3")
    assert desk.begun.count("late") == 1


async def test_a_trouble_lasts_until_the_next_try_has_ended(
    watch: Watch, make_bucket: MakeBucket, journal: Journal
) -> None:
    bucket, desk = await make_bucket(), Desk()
    desk.failures["bad"] = Unavailable("GetObject: no answer")
    await bucket.put("bad")
    async with watch(bucket, desk) as watching:
        await journal.seen("object.failed", key="bad")
        desk.go.clear()
        await until(lambda: desk.present == 1)
        read = len(desk.pages)
        await until(lambda: len(desk.pages) > read + 3)
        assert watching.vitals.health.troubles == {"input bucket": "GetObject: no answer"}
        desk.failures.clear()
        desk.go.set()
        await desk.has("bad")
        await journal.seen("trouble.ended", part="input bucket")
    assert len(journal.of("trouble.began", part="input bucket")) == 1


async def test_an_object_that_keeps_failing_shortens_no_pause(
    watch: Watch, make_bucket: MakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, desk, clock = await make_bucket(), Desk(), Clock()
    monkeypatch.setattr(watcher, "asyncio", clock)
    monkeypatch.setattr(watcher, "FASTEST_S", 10)
    monkeypatch.setattr(watcher, "SLOWEST_S", 100)
    desk.failures["bad"] = Refused("GetObject: AccessDenied: no", "AccessDenied")
    await bucket.put("bad")
    async with watch(bucket, desk):
        await until(lambda: any(pause_s >= 80 for pause_s in clock.pauses))


async def test_an_error_of_our_own_does_not_take_the_others_with_it(
    watch: Watch, make_bucket: MakeBucket, journal: Journal
) -> None:
    bucket, desk = await make_bucket(), Desk()
    desk.failures["bad"] = ZeroDivisionError("ours")
    await bucket.put("bad")
    await bucket.put("good")
    async with watch(bucket, desk) as watching:
        await desk.has("good")
        await journal.seen("object.unhandled", key="bad")
        assert watching.vitals.figure("objects_unhandled_total", bucket="input") >= 1
        assert watching.vitals.health.troubles == {"input bucket": "ZeroDivisionError: ours"}


async def test_a_bucket_that_is_gone_is_a_trouble_until_it_is_back(
    watch: Watch, make_bucket: MakeBucket, journal: Journal
) -> None:
    bucket, desk = await make_bucket(), Desk()
    await bucket.end()
    async with watch(bucket, desk) as watching:
        await journal.seen("trouble.began", part="input bucket")
        assert "NoSuchBucket" in watching.vitals.health.troubles["input bucket"]
        await bucket.begin()
        await journal.seen("trouble.ended", part="input bucket")
        await bucket.put("a")
        await desk.has("a")
        assert watching.vitals.health.troubles == {}


async def test_while_the_gate_is_closed_nothing_is_asked_for(
    watch: Watch, make_bucket: MakeBucket
) -> None:
    bucket, desk, tap = await make_bucket(), Desk(), Tap()
    tap.is_open.clear()
    await bucket.put("a")
    async with watch(bucket, desk, gate=tap):
        async with asyncio.timeout(PATIENCE_S):
            await tap.asked.wait()
        assert desk.pages == []
        tap.is_open.set()
        await desk.has("a")


async def test_a_stop_finishes_running_work_and_begins_no_more(
    watch: Watch, make_bucket: MakeBucket, journal: Journal
) -> None:
    bucket, desk = await make_bucket(), Desk(hold=True)
    for key in ("a", "b", "c"):
        await bucket.put(key)
    async with watch(bucket, desk, most=2) as watching:
        await until(lambda: desk.present == 2)
        watching.stop.set()
        await journal.seen("bucket.draining", bucket=bucket.name, held=2)
        desk.go.set()
        await watching.end()
    assert sorted(one.key for one in desk.done) == desk.begun == ["a", "b"]
    assert (await journal.seen("bucket.drained", bucket=bucket.name))["left"] == 0


async def test_a_stop_ends_what_takes_too_long(
    watch: Watch, make_bucket: MakeBucket, journal: Journal
) -> None:
    bucket, desk = await make_bucket(), Desk(hold=True)
    await bucket.put("a")
    async with watch(bucket, desk, drain_s=0.01) as watching:
        await until(lambda: desk.present == 1)
        await watching.end()
    assert (desk.present, desk.done) == (0, set())
    assert (await journal.seen("bucket.drained"))["left"] == 1
    assert watching.vitals.figure("objects_in_flight", bucket="input") == 0


async def test_a_second_watcher_takes_over_once_the_first_has_drained(
    watch: Watch, make_bucket: MakeBucket, journal: Journal
) -> None:
    bucket, first, second = await make_bucket(), Desk(hold=True), Desk()
    second.done = first.done
    await bucket.put("a")
    async with watch(bucket, first) as one, watch(bucket, second) as two:
        await until(lambda: first.present == 1)
        await journal.seen("watch.standby")
        one.stop.set()
        await journal.seen("bucket.draining", held=1)
        # Objects under way look new to others, until they are done.
        assert second.pages == []
        first.go.set()
        await one.end()
        await bucket.put("b")
        await second.has("a", "b")
        assert two.vitals.health.troubles == {}
    assert (first.begun, second.begun) == (["a"], ["b"])


async def test_a_watcher_that_stands_by_can_be_stopped(
    watch: Watch, make_bucket: MakeBucket, journal: Journal
) -> None:
    bucket, desk = await make_bucket(), Desk()
    async with watch(bucket, desk), watch(bucket, Desk()) as second:
        await journal.seen("watch.standby")
        await second.end()
        await bucket.put("a")
        await desk.has("a")
