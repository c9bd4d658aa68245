"""Extensions that SQS refuses one by one: they block no other, and end."""

import pytest

from hybridsphere.aws import queue as aws_queue
from hybridsphere.bridge.queue import in_flight, poller
from tests.acts import Exchange
from tests.bridge.bridge_stage import Handler, Journal, MakeQueue, Refusals, polling, proxied
from tests.stage import PATIENCE_S, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXTEND = "ChangeMessageVisibilityBatch"
BAD = [f"bad {number}" for number in range(10)]
"""One full batch."""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    # A machine that stalls for four seconds must not fail the test.
    monkeypatch.setattr(poller, "VISIBILITY_TIMEOUT_S", 6)
    monkeypatch.setattr(in_flight, "VISIBILITY_TIMEOUT_S", 6)
    monkeypatch.setattr(in_flight, "HEARTBEAT_MARGIN_S", 5)


@pytest.mark.parametrize("sender_fault", [True, False])
async def test_ten_refused_extensions_block_no_other(
    make_queue: MakeQueue, moto: str, journal: Journal, sender_fault: bool
) -> None:
    queue, handler = await make_queue(), Handler(hold=True)
    refusals = Refusals(queue, handler, BAD, sender_fault=sender_fault)
    good = [f"good {number}" for number in range(3)]
    await queue.send(*BAD)
    async with proxied(queue, moto) as (proxy, seen), polling(seen, refusals.handle) as run:

        def beats() -> float:
            return run.vitals.figure("visibility_extended_total", queue="input")

        with proxy.failing(refusals.act, EXTEND):
            await until(lambda: handler.present == 10)
            await queue.send(*good)
            # Twice, a second each, while those that are refused are still tried.
            await until(lambda: beats() >= 2 * len(good))
            assert journal.of("heartbeat.refused") == []
            # Six times: the first time-out would be over.
            await until(lambda: beats() >= 6 * len(good))
            assert {body for body in handler.bodies if handler.bodies.count(body) > 1} <= set(BAD)
            await journal.seen("heartbeat.refused", queue="input")
        handler.go.set()
        await until(lambda: run.vitals.figure("messages_in_flight", queue="input") == 0)
        await until(lambda: run.vitals.health.troubles == {})
        await run.end()
    assert [handler.bodies.count(body) for body in good] == [1, 1, 1]


async def test_an_extension_that_failed_by_itself_is_made_again_in_time(
    make_queue: MakeQueue, moto: str, journal: Journal
) -> None:
    queue, handler = await make_queue(), Handler(hold=True)
    refusals = Refusals(queue, handler, ["a"])
    await queue.send("a", "b")
    async with proxied(queue, moto) as (proxy, seen), polling(seen, refusals.handle) as run:
        await handler.has("a", "b")
        with proxy.failing(refusals.act, EXTEND, calls=3):
            await until(lambda: run.vitals.figure("visibility_extended_total", queue="input") >= 6)
        handler.go.set()
        await run.end()
    assert sorted(handler.bodies) == ["a", "b"]
    assert len(journal.of("heartbeat.failed")) == 3
    assert journal.of("heartbeat.refused") == []
    assert await queue.counts() == (0, 0)


async def test_messages_due_together_are_extended_together(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_queue, "ANSWER_S", 2 * PATIENCE_S)
    # It is due again as soon as it has been extended.
    monkeypatch.setattr(in_flight, "HEARTBEAT_MARGIN_S", in_flight.VISIBILITY_TIMEOUT_S)
    queue, handler, arrived = await make_queue(), Handler(hold=True), 0

    async def answer_three(exchange: Exchange) -> None:
        nonlocal arrived
        arrived += 1
        await until(lambda: arrived >= 3)
        exchange.writer.write(await exchange.forward())

    await queue.send(*(str(number) for number in range(25)))
    async with proxied(queue, moto) as (proxy, seen), polling(seen, handler) as run:
        await until(lambda: handler.present == 25)
        with proxy.failing(answer_three, EXTEND):
            await until(lambda: arrived >= 3)
        handler.go.set()
        await run.end()
    assert await queue.counts() == (0, 0)


async def test_the_age_of_the_oldest_message_is_a_figure(make_queue: MakeQueue) -> None:
    queue, handler = await make_queue(), Handler(hold=True)
    await queue.send("a")
    async with polling(queue, handler) as run:
        await handler.has("a")
        first = run.vitals.figure("messages_oldest_seconds", queue="input")
        await until(lambda: run.vitals.figure("messages_oldest_seconds", queue="input") > first)
        handler.go.set()
        await run.end()
    assert run.vitals.figure("messages_oldest_seconds", queue="input") == 0
