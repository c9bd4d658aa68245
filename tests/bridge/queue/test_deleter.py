"""Deletions that SQS refuses one by one: they block no other, and end."""

import pytest

from hybridsphere.aws import queue as aws_queue
from hybridsphere.bridge.queue import in_flight, poller
from tests.acts import swallow
from tests.bridge.bridge_stage import Handler, Journal, MakeQueue, Refusals, polling, proxied
from tests.stage import PATIENCE_S, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

DELETE, EXTEND = "DeleteMessageBatch", "ChangeMessageVisibilityBatch"
BAD = [f"bad {number}" for number in range(10)]
"""One full batch."""


@pytest.mark.usefixtures("endless_waits")
@pytest.mark.parametrize("sender_fault", [True, False])
async def test_ten_receipts_that_sqs_refuses_do_not_hold_up_the_others(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch, sender_fault: bool
) -> None:
    monkeypatch.setattr(poller, "RELEASE_SHARE", 0.9)
    queue, handler = await make_queue(), Handler()
    refusals = Refusals(queue, handler, BAD, sender_fault=sender_fault)
    good = [f"good {number}" for number in range(23)]
    await queue.send(*BAD)
    async with (
        proxied(queue, moto) as (proxy, seen),
        polling(seen, refusals.handle, drain_s=5) as run,
    ):
        with proxy.failing(refusals.act, DELETE):
            await until(lambda: run.vitals.figure("deletes_failed_total", queue="input") == 10)
            await queue.send(*good)
            await until(lambda: run.vitals.figure("messages_deleted_total", queue="input") == 23)
            # They are held and reported, and not handled again.
            assert "Mystery" in run.vitals.health.troubles["input queue deletes"]
            assert await queue.counts() == (0, 10)
        await run.end()
    assert await queue.counts() == (10, 0)
    assert sorted(handler.bodies) == sorted(BAD + good)


async def test_a_deletion_whose_answer_is_lost_holds_up_no_other(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_queue, "ANSWER_S", 2 * PATIENCE_S)
    queue, handler = await make_queue(), Handler()
    await queue.send(*(str(number) for number in range(35)))
    async with proxied(queue, moto) as (proxy, seen), polling(seen, handler, drain_s=2) as run:
        with proxy.failing(swallow, DELETE, calls=1) as lost:
            await until(lambda: run.vitals.figure("messages_deleted_total", queue="input") >= 25)
            assert lost.left == 0
        await run.end()


async def test_deletions_refused_for_a_while_succeed_later(
    make_queue: MakeQueue, moto: str
) -> None:
    queue, handler = await make_queue(), Handler()
    bodies = [f"bad {number}" for number in range(13)]
    refusals = Refusals(queue, handler, bodies)
    await queue.send(*bodies)
    async with proxied(queue, moto) as (proxy, seen), polling(seen, refusals.handle) as run:
        with proxy.failing(refusals.act, DELETE):
            # None is tried far more often than the others.
            await until(lambda: len(refusals.tries) == 13 and min(refusals.tries.values()) >= 3)
        await until(lambda: run.vitals.health.troubles == {})
        await run.end()
    assert sorted(handler.bodies) == sorted(bodies)
    assert await queue.counts() == (0, 0)
    assert run.vitals.figure("messages_deleted_total", queue="input") == 13


async def test_a_deletion_is_given_up_once_its_message_is_visible_again(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    # A machine that stands still for four seconds does not make it come a third time.
    monkeypatch.setattr(poller, "VISIBILITY_TIMEOUT_S", 5)
    monkeypatch.setattr(in_flight, "VISIBILITY_TIMEOUT_S", 5)
    monkeypatch.setattr(in_flight, "HEARTBEAT_MARGIN_S", 4.5)
    queue, handler = await make_queue(), Handler()
    # Only the first receipt of each message.
    refusals = Refusals(queue, handler, ["a"], receipts=1)
    await queue.send("a")
    async with proxied(queue, moto) as (proxy, seen), polling(seen, refusals.handle) as run:
        with proxy.failing(refusals.act, DELETE, EXTEND):
            given_up = await journal.seen("delete.given_up", queue="input")
            assert "Mystery" in given_up["reason"]
            await until(lambda: run.vitals.figure("messages_deleted_total", queue="input") == 1)
            await until(lambda: run.vitals.health.troubles == {})
            tries = dict(refusals.tries)
            await run.end()
    # It came again, to be deleted by its new receipt; the old one was not tried any more.
    assert handler.bodies == ["a", "a"]
    assert refusals.tries == tries
    assert await queue.counts() == (0, 0)
    assert len(journal.of("delete.given_up")) == 1
