"""From an event to the function: one record, one invocation, by the real runtime client."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hybridsphere.aws import Function
from hybridsphere.bridge import invoker as module
from hybridsphere.bridge.invoker import Invoker
from hybridsphere.bridge.pacing import backoff
from hybridsphere.bridge.pacing.backoff import LONGEST_IN_PLACE_S
from hybridsphere.bridge.pacing.limiter import PROBE_EVERY, START, Limiter
from hybridsphere.bridge.queue.poller import Disposition
from hybridsphere.messages import LONGEST_TEXT, S3Record, parse_s3_event
from tests.acts import Act, answer, page, reset
from tests.bridge.bridge_stage import (
    Journal,
    MakeQueue,
    RealFunction,
    RealQueue,
    Vitals,
    message,
    rows,
    storing,
)
from tests.proxy import Proxy
from tests.samples import EVENT_TIME, ODD_KEYS, record, s3_event
from tests.stage import PATIENCE_S, client_of, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

StartFunction = Callable[..., Awaitable[RealFunction]]


@asynccontextmanager
async def invoking(
    function: Function,
    folder: Path,
    vitals: Vitals,
    *,
    dead_letters: RealQueue | None = None,
    max_attempts: int = 3,
    most: int = 100,
) -> AsyncIterator[Invoker]:
    async with storing(folder, vitals) as store:
        yield Invoker(
            function=function,
            bucket=record().bucket,
            most=most,
            max_attempts=max_attempts,
            limiter=Limiter(100),
            store=store,
            dead_letters=vitals.dead_letters(dead_letters.queue if dead_letters else None),
            health=vitals.health,
            metrics=vitals.metrics,
        )


async def test_each_record_becomes_one_invocation_with_a_plain_event(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    records = [record("a b+ü/ß.mp4"), record("b.mp4", sequencer=None)]
    async with invoking(function.function(), tmp_path, vitals) as invoker:
        assert await invoker.handle(message(s3_event(*records))) is Disposition.DELETE
    events = await function.invoked(2)
    assert all(len(event["Records"]) == 1 for event in events)
    seen = [parse_s3_event(event)[0] for event in events]
    assert sorted(seen, key=lambda one: one.key) == records
    for row in rows(tmp_path):
        assert row.received_at
        assert row.invoked_at
        assert row.received_at <= row.invoked_at
        assert (row.status, row.attempts) == (None, 0)
    assert vitals.figure("invocations_total", outcome="accepted") == 2


async def test_a_message_of_many_records_runs_a_limited_number(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    records = [record(f"{number}.mp4") for number in range(100)]
    async with invoking(function.function(), tmp_path, vitals, most=7) as invoker:
        handling, peak = asyncio.create_task(invoker.handle(message(s3_event(*records)))), 0
        while not handling.done():
            names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]
            peak = max(peak, names.count("Invoker._process"))
            await asyncio.sleep(0.001)
        assert handling.result() is Disposition.DELETE
    assert peak == 7
    assert len(rows(tmp_path)) == len(records)


async def test_long_messages_are_worked_through_one_after_another(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = await start_function(concurrency=3)
    short = message(s3_event(record("c.mp4")))
    monkeypatch.setattr(module, "LONG", len(short.body))
    async with invoking(function.function("RequestResponse"), tmp_path, vitals) as invoker:
        long = [
            asyncio.create_task(invoker.handle(message(s3_event(record(key)))))
            for key in ("wait a.mp4", "wait b.mp4")
        ]
        await function.gate.arrivals(1)
        # Others pass by.
        assert await invoker.handle(short) is Disposition.DELETE
        assert function.gate.waiting == 1
        function.gate.open()
        assert await asyncio.gather(*long) == [Disposition.DELETE] * 2
    assert [row.key for row in rows(tmp_path)] == ["c.mp4", "wait a.mp4", "wait b.mp4"]


async def test_odd_keys_arrive_as_they_are(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    async with invoking(function.function(), tmp_path, vitals) as invoker:
        assert await invoker.handle(message(s3_event(*map(record, ODD_KEYS)))) is Disposition.DELETE
    events = await function.invoked(len(ODD_KEYS))
    assert {parse_s3_event(event)[0].key for event in events} == set(ODD_KEYS)
    assert {row.key for row in rows(tmp_path)} == set(ODD_KEYS)


async def test_the_test_event_is_done_with_nothing_invoked(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    async with invoking(function.function(), tmp_path, vitals) as invoker:
        body = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})
        assert await invoker.handle(message(body)) is Disposition.DELETE
    assert rows(tmp_path) == []
    assert vitals.figure("invocations_total", outcome="accepted") == 0


@pytest.mark.parametrize("named", [True, False])
async def test_a_foreign_record_is_rejected_and_its_neighbour_invoked(
    start_function: StartFunction,
    make_queue: MakeQueue,
    tmp_path: Path,
    vitals: Vitals,
    named: bool,
) -> None:
    function, dead = await start_function(), await make_queue()
    body = s3_event(record("ours.mp4"), record("theirs.mp4", bucket="other-bucket"))
    async with invoking(
        function.function(), tmp_path, vitals, dead_letters=dead if named else None
    ) as invoker:
        disposition = await invoker.handle(message(body))
    assert [row.key for row in rows(tmp_path)] == ["ours.mp4"]
    (event,) = await function.invoked(1)
    assert parse_s3_event(event) == [record("ours.mp4")]
    assert vitals.figure("messages_rejected_total", queue="input") == 1
    if named:
        assert disposition is Disposition.DELETE
        (letter,) = await dead.read()
        assert parse_s3_event(letter["Body"]) == [record("theirs.mp4", bucket="other-bucket")]
        reason = letter["MessageAttributes"]["reason"]["StringValue"]
        assert reason == "bucket is other-bucket, not input-bucket-video"
    else:
        assert disposition is Disposition.LEAVE
        assert await dead.read() == []


def of(records: list[S3Record], *others: dict[str, Any]) -> str:
    """An event of records, then of others that are written by hand."""
    made = [one.to_event()["Records"][0] for one in records]
    return json.dumps({"Records": [*made, *others]})


def unlike(key: str, name: str = "ObjectCreated:Put", **of_object: Any) -> dict[str, Any]:
    """A record by hand, without an ETag unless one is given."""
    whole: dict[str, Any] = record(key).to_event()["Records"][0]
    bucket, thing = whole["s3"]["bucket"], {"key": key, **of_object}
    return {**whole, "eventName": name, "s3": {"bucket": bucket, "object": thing}}


REMOVED = unlike("old.mp4", "ObjectRemoved:Delete")
TAGLESS = unlike("tagless.mp4")
FOLDER = unlike("folder/", eTag="e1", size=0)


@pytest.mark.parametrize("others", [[REMOVED], [FOLDER], [REMOVED, FOLDER]])
async def test_records_that_are_no_uploads_are_counted_and_the_upload_invoked(
    *,
    start_function: StartFunction,
    make_queue: MakeQueue,
    tmp_path: Path,
    vitals: Vitals,
    journal: Journal,
    others: list[dict[str, Any]],
) -> None:
    function, dead = await start_function(), await make_queue()
    body = of([record("created.mp4")], *others)
    async with invoking(function.function(), tmp_path, vitals, dead_letters=dead) as invoker:
        assert await invoker.handle(message(body)) is Disposition.DELETE
        assert await invoker.handle(message(of([], *others))) is Disposition.DELETE
    assert [row.key for row in rows(tmp_path)] == ["created.mp4"]
    assert vitals.figure("events_ignored_total") == 2 * len(others)
    assert len(journal.of("event.ignored", message_id="m1")) == 2
    assert vitals.figure("messages_rejected_total", queue="input") == 0
    assert await dead.counts() == (0, 0)


async def test_a_bad_record_is_rejected_alone(
    start_function: StartFunction, make_queue: MakeQueue, tmp_path: Path, vitals: Vitals
) -> None:
    function, dead = await start_function(), await make_queue()
    body = of([record("created.mp4")], TAGLESS, REMOVED)
    async with invoking(function.function(), tmp_path, vitals, dead_letters=dead) as invoker:
        assert await invoker.handle(message(body)) is Disposition.DELETE
    assert [row.key for row in rows(tmp_path)] == ["created.mp4"]
    (letter,) = await dead.read()
    assert json.loads(letter["Body"]) == {"Records": [TAGLESS]}
    assert "eTag" in letter["MessageAttributes"]["reason"]["StringValue"]


async def test_a_message_that_comes_again_for_a_bad_record_invokes_once(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    body = of([record("created.mp4")], TAGLESS)
    async with invoking(function.function(), tmp_path, vitals) as invoker:
        for _ in range(3):
            assert await invoker.handle(message(body)) is Disposition.LEAVE
    assert vitals.figure("invocations_total", outcome="accepted") == 1
    assert vitals.figure("messages_rejected_total", queue="input") == 3


# aiohttp warns of an event that is too large for Lambda.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_message_that_comes_again_for_a_refused_record_invokes_once(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    body = s3_event(record("a.mp4"), record("k" * 1_100_000), record("b.mp4"))
    async with invoking(function.function(), tmp_path, vitals) as invoker:
        for _ in range(3):
            assert await invoker.handle(message(body)) is Disposition.LEAVE
    assert sorted(row.key for row in rows(tmp_path)) == ["a.mp4", "b.mp4"]
    assert vitals.figure("invocations_total", outcome="accepted") == 2
    assert vitals.figure("messages_rejected_total", queue="input") == 3


@pytest.mark.parametrize(
    "body", [b"null", b"{}", b'{"__type": "X"}', b'{"videos": [{"key": "other.mp4"}]}']
)
async def test_an_upload_counts_as_done_only_if_the_answer_names_it(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals, body: bytes
) -> None:
    function = await start_function()
    async with (
        Proxy(function.endpoint) as line,
        client_of("lambda", line.endpoint) as client,
        invoking(Function(client, "chosen", "RequestResponse"), tmp_path, vitals) as invoker,
    ):
        with line.failing(page(200, body, "application/json"), "Invoke"):
            handling = asyncio.create_task(invoker.handle(message(s3_event(record()))))
            await until(lambda: vitals.figure("invocations_total", outcome="failed") >= 2)
            assert "no answer of AWS" in vitals.health.troubles["function"]
            assert rows(tmp_path) == []
        assert await handling is Disposition.DELETE
    assert len(function.events()) == 1
    (row,) = rows(tmp_path)
    assert (row.invoked_at is not None, row.attempts) == (True, 0)


async def test_an_upload_is_failed_once_its_attempts_are_used_up(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    async with invoking(
        function.function("RequestResponse"), tmp_path, vitals, max_attempts=3
    ) as invoker:
        assert await invoker.handle(message(s3_event(record("fail.mp4")))) is Disposition.DELETE
    assert len(function.events()) == 3
    (row,) = rows(tmp_path)
    assert (row.status, row.attempts) == ("failed", 3)
    assert row.reason == "FunctionError: ValueError: told to fail"
    assert (tmp_path / "fail.mp4.csv").read_text() == "name,major,year,status\n,,,failed\n"


async def test_one_limited_line_of_a_function_error_is_kept(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals, journal: Journal
) -> None:
    function = await start_function()
    async with invoking(
        function.function("RequestResponse"), tmp_path, vitals, max_attempts=1
    ) as invoker:
        await invoker.handle(message(s3_event(record("fail_at_length.mp4"))))
    (row,) = rows(tmp_path)
    assert row.reason.startswith("FunctionError: ValueError: long long ")
    assert len(row.reason) == LONGEST_TEXT
    (line,) = journal.of("function.failed")
    assert len(line["error"]) < LONGEST_TEXT + 50
    assert "the request" not in f"{row.reason} {line}"
    # The function printed everything; its output is kept and searched for secrets.
    assert "the request" in (tmp_path / "function.log").read_text()


async def test_attempts_before_a_restart_count(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    async with storing(tmp_path) as store:
        for _ in range(2):
            await store.count_attempt(record("fail.mp4"), EVENT_TIME)
    async with invoking(
        function.function("RequestResponse"), tmp_path, vitals, max_attempts=3
    ) as invoker:
        await invoker.handle(message(s3_event(record("fail.mp4"))))
    assert len(function.events()) == 1
    (row,) = rows(tmp_path)
    assert (row.status, row.attempts, row.received_at) == ("failed", 3, EVENT_TIME)


async def test_a_finished_synchronous_invocation_is_no_result_yet(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    async with invoking(function.function("RequestResponse"), tmp_path, vitals) as invoker:
        assert await invoker.handle(message(s3_event(record("a.mp4")))) is Disposition.DELETE
    (row,) = rows(tmp_path)
    assert (row.status, row.attempts) == (None, 0)


async def test_throttled_calls_are_made_again_and_not_counted(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals, journal: Journal
) -> None:
    function = await start_function(concurrency=1)
    keys = [f"wait {i}.mp4" for i in range(4)]
    async with invoking(
        function.function("RequestResponse"), tmp_path, vitals, max_attempts=1
    ) as invoker:
        handling = asyncio.create_task(invoker.handle(message(s3_event(*map(record, keys)))))
        await function.gate.arrivals(1)
        await journal.seen("invoke.throttled", times=4)
        assert "function" not in vitals.health.troubles
        function.gate.open()
        assert await handling is Disposition.DELETE
    assert sorted(parse_s3_event(event)[0].key for event in function.events()) == keys
    assert [(row.status, row.attempts) for row in rows(tmp_path)] == [(None, 0)] * 4


async def test_an_event_is_accepted_however_busy_the_function_is(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function(concurrency=1)
    keys = [f"wait {i}.mp4" for i in range(5)]
    async with invoking(function.function("Event"), tmp_path, vitals) as invoker:
        assert await invoker.handle(message(s3_event(*map(record, keys)))) is Disposition.DELETE
        await function.gate.arrivals(1)
    assert vitals.figure("invocations_total", outcome="throttled") == 0
    assert len(rows(tmp_path)) == 5


async def test_a_function_that_cannot_be_reached_is_called_until_it_can(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    async with (
        Proxy(function.endpoint) as line,
        client_of("lambda", line.endpoint) as client,
        invoking(Function(client, "chosen", "Event"), tmp_path, vitals, max_attempts=1) as invoker,
    ):
        async with line.refusing():
            handling = asyncio.create_task(invoker.handle(message(s3_event(record()))))
            await until(lambda: vitals.figure("invocations_total", outcome="failed") >= 2)
            assert "Invoke" in vitals.health.troubles["function"]
            assert rows(tmp_path) == []
        assert await handling is Disposition.DELETE
        assert vitals.health.troubles == {}
        await function.invoked(1)
    assert [(row.status, row.attempts) for row in rows(tmp_path)] == [(None, 0)]


async def test_a_call_in_its_place_never_waits_more_than_a_second(
    start_function: StartFunction,
    tmp_path: Path,
    vitals: Vitals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert LONGEST_IN_PLACE_S <= 1
    # A dozen failures would lead to this wait, without another bound.
    monkeypatch.setattr(backoff, "LONGEST_S", 2 * PATIENCE_S)
    function = await start_function()
    async with (
        Proxy(function.endpoint) as line,
        client_of("lambda", line.endpoint) as client,
        invoking(Function(client, "chosen", "Event"), tmp_path, vitals) as invoker,
    ):
        with line.failing(reset, "Invoke", calls=20):
            async with asyncio.timeout(PATIENCE_S):
                assert await invoker.handle(message(s3_event(record()))) is Disposition.DELETE
    assert vitals.figure("invocations_total", outcome="failed") == 20


THROTTLED = answer(429, "TooManyRequestsException")


@pytest.mark.usefixtures("endless_waits")
@pytest.mark.parametrize(
    ("failure", "outcome", "most", "lets_by"),
    [
        (THROTTLED, "throttled", 2, True),
        (THROTTLED, "throttled", 1, False),
        (answer(500, "ServiceException"), "failed", 1, False),
        (reset, "failed", 1, False),
    ],
    ids=["429", "429 alone", "500", "reset"],
)
async def test_a_waiting_call_keeps_its_place_unless_it_was_throttled(
    *,
    start_function: StartFunction,
    tmp_path: Path,
    vitals: Vitals,
    failure: Act,
    outcome: str,
    most: int,
    lets_by: bool,
) -> None:
    function = await start_function()
    async with (
        Proxy(function.endpoint) as line,
        client_of("lambda", line.endpoint) as client,
        invoking(Function(client, "chosen", "Event"), tmp_path, vitals) as invoker,
    ):
        invoker.limiter = Limiter(most)
        with line.failing(failure, "Invoke"):
            handling = asyncio.create_task(invoker.handle(message(s3_event(record()))))
            await until(lambda: vitals.figure("invocations_total", outcome=outcome) == 1)
        other = asyncio.create_task(invoker.limiter.__aenter__())
        # Few callers retry while Lambda cannot be reached; a throttled one lets others pass, unless
        # no call at all has room.
        done, _ = await asyncio.wait([other], timeout=PATIENCE_S if lets_by else 0.1)
        assert bool(done) == lets_by
        handling.cancel()
        await asyncio.gather(handling, return_exceptions=True)
        async with asyncio.timeout(PATIENCE_S):
            await other


@pytest.mark.parametrize(
    ("failure", "calls_until_one_more"),
    [
        # And one, for a twelfth is rounded.
        (THROTTLED, PROBE_EVERY + 1),
        (reset, 1),
    ],
    ids=["throttled", "reset"],
)
async def test_a_failure_halves_the_limit_and_accepted_calls_raise_it(
    start_function: StartFunction,
    tmp_path: Path,
    vitals: Vitals,
    failure: Act,
    calls_until_one_more: int,
) -> None:
    function = await start_function()
    async with (
        Proxy(function.endpoint) as line,
        client_of("lambda", line.endpoint) as client,
        invoking(Function(client, "chosen", "Event"), tmp_path, vitals) as invoker,
    ):

        async def limit_after(calls: int) -> float:
            for number in range(calls):
                await invoker.handle(message(s3_event(record(f"{number}.mp4"))))
            return vitals.figure("invocations_limit")

        assert await limit_after(START) == 2 * START
        with line.failing(failure, "Invoke", calls=1):
            again = asyncio.create_task(limit_after(1))
            await until(lambda: vitals.figure("invocations_limit") == START)
        await again
        # It has been accepted since, and is one of them.
        assert await limit_after(calls_until_one_more - 1) == START + 1


async def test_a_function_that_is_not_there_is_a_trouble_and_tried_again(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals
) -> None:
    function = await start_function()
    missing = Function(function.client, "missing", "Event")
    async with invoking(missing, tmp_path, vitals) as invoker:
        handling = asyncio.create_task(invoker.handle(message(s3_event(record()))))
        await until(lambda: vitals.figure("invocations_total", outcome="failed") >= 2)
        assert "ResourceNotFoundException" in vitals.health.troubles["function"]
        handling.cancel()
        await asyncio.gather(handling, return_exceptions=True)
    assert rows(tmp_path) == []


async def test_every_line_of_the_log_names_the_upload(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals, journal: Journal
) -> None:
    function = await start_function()
    async with invoking(
        function.function("RequestResponse"), tmp_path, vitals, max_attempts=1
    ) as invoker:
        await invoker.handle(message(s3_event(record("fail.mp4"), record("a.mp4"))))
    for key in ("fail.mp4", "a.mp4"):
        upload = {"bucket": record().bucket, "key": key, "version": "01:e1"}
        assert journal.of("event.invoked", **upload)
    assert journal.of("function.failed", key="fail.mp4", version="01:e1", attempts=1)
    assert journal.of("result.written", key="fail.mp4", version="01:e1", status="failed")


# aiohttp warns of an event that is too large for Lambda.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_an_event_that_lambda_never_accepts_is_rejected(
    start_function: StartFunction, make_queue: MakeQueue, tmp_path: Path, vitals: Vitals
) -> None:
    function, dead = await start_function(), await make_queue()
    too_large = record("k" * 1_100_000)
    async with invoking(function.function(), tmp_path, vitals, dead_letters=dead) as invoker:
        message_of_it = message(json.dumps({"Records": too_large.to_event()["Records"]}))
        assert await invoker.handle(message_of_it) is Disposition.DELETE
        # An upload found by listing has no message to reject: it ends in the ledger.
        await invoker.invoke(too_large)
    [row] = rows(tmp_path)
    assert row.status == "failed"
    assert "RequestEntityTooLarge" in str(row.reason)
    assert "function" not in vitals.health.troubles
