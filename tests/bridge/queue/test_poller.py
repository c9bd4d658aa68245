"""One loop on a real queue: bounded, kept by heartbeat, acknowledged in batches, drained."""

import asyncio
import json
from typing import Any

import pytest

from hybridsphere.aws import Message
from hybridsphere.aws.queue import LONG_POLL_S
from hybridsphere.bridge.queue import in_flight, poller
from hybridsphere.bridge.queue.poller import Disposition
from tests.acts import Exchange, answer, delay, reset, say, swallow
from tests.bridge.bridge_stage import Handler, Journal, MakeQueue, Tap, polling, proxied
from tests.call import Call
from tests.stage import PATIENCE_S, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_message_is_handled_once_and_deleted(make_queue: MakeQueue) -> None:
    queue, handler = await make_queue(), Handler()
    bodies = [str(i) for i in range(23)]
    await queue.send(*bodies)
    async with polling(queue, handler) as run:
        await handler.has(*bodies)
        await run.end()
    assert await queue.counts() == (0, 0)
    assert sorted(handler.bodies) == sorted(bodies)
    assert run.vitals.figure("messages_received_total", queue="input") == 23
    assert run.vitals.figure("messages_deleted_total", queue="input") == 23
    assert run.vitals.figure("messages_in_flight", queue="input") == 0


async def test_a_lost_answer_is_soon_missed_while_sqs_is_in_trouble(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RECEIVERS", 2)
    monkeypatch.setattr(poller, "MISSED_S", 0.1)
    queue, handler = await make_queue(), Handler()
    async with proxied(queue, moto) as (proxy, seen):
        with (
            proxy.failing(reset, "ReceiveMessage", calls=2),
            proxy.failing(swallow, "ReceiveMessage"),
        ):
            async with polling(seen, handler) as run:
                # The patience that a long poll is due would take them minutes.
                await until(lambda: len(proxy.of("ReceiveMessage")) >= 12)
                assert "no answer" in run.vitals.health.troubles["input queue"]
                await run.end()


async def test_a_poll_that_is_lost_while_messages_come_is_soon_missed(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RECEIVERS", 2)
    monkeypatch.setattr(poller, "MISSED_S", 2.0)
    queue, handler = await make_queue(), Handler()
    async with (
        proxied(queue, moto, read_timeout_s=2 * PATIENCE_S) as (proxy, seen),
        polling(seen, handler, drain_s=2) as run,
    ):

        def receives() -> list[Call]:
            return proxy.of("ReceiveMessage")

        async def both_are_lost() -> bool:
            # A message ends the running polls.
            await queue.send("some")
            lost = [json.loads(call.body)["WaitTimeSeconds"] for call in receives()[before:]]
            return poller.SHORT_POLL_S in lost and LONG_POLL_S in lost

        await queue.send("first")
        await handler.has("first")
        before = len(receives())
        with proxy.failing(swallow, "ReceiveMessage"):
            await until(both_are_lost)
        await queue.send("last")
        await until(lambda: "last" in handler.bodies)
        await run.end()


async def test_one_receiver_stays_patient_with_a_slow_sqs(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RECEIVERS", 2)
    monkeypatch.setattr(poller, "MISSED_S", 0.1)
    queue, handler = await make_queue(), Handler()
    async with proxied(queue, moto, short_polls=True) as (proxy, seen):
        with (
            proxy.failing(reset, "ReceiveMessage", calls=2),
            proxy.failing(delay(0.5), "ReceiveMessage"),
        ):
            async with polling(seen, handler) as run:
                await until(lambda: "no answer" in str(run.vitals.health.troubles))
                await until(lambda: run.vitals.health.troubles == {})
                await run.end()


async def test_an_older_poll_does_not_end_a_newer_trouble(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    monkeypatch.setattr(poller, "RECEIVERS", 2)
    queue, release, released = await make_queue(), asyncio.Event(), asyncio.Event()

    async def answer_late(exchange: Exchange) -> None:
        await release.wait()
        say(exchange, 200, b"{}")
        released.set()

    async with proxied(queue, moto) as (proxy, seen):
        with proxy.failing(answer_late, "ReceiveMessage", calls=1):
            async with polling(seen, Handler(), drain_s=2) as run:
                with proxy.failing(reset, "ReceiveMessage"):
                    await journal.seen("trouble.began", part="input queue")
                    release.set()
                    await released.wait()
                    before = len(proxy.of("ReceiveMessage"))
                    await until(lambda: len(proxy.of("ReceiveMessage")) >= before + 4)
                    assert journal.of("trouble.ended") == []
                # Messages end the polls at once.
                await queue.send("a")
                await journal.seen("trouble.ended", part="input queue")
                await run.end()


async def test_a_message_that_is_left_stays_on_the_queue(make_queue: MakeQueue) -> None:
    queue, handler = await make_queue(), Handler(Disposition.LEAVE)
    await queue.send("bad")
    async with polling(queue, handler) as run:
        await handler.has("bad")
        await run.end()
    assert await queue.counts() == (0, 1)
    assert run.vitals.figure("messages_in_flight", queue="input") == 0


async def test_an_error_of_a_handler_leaves_the_message_and_is_counted(
    make_queue: MakeQueue, journal: Journal
) -> None:
    queue = await make_queue()
    handled = Handler()

    async def fail_at_first(message: Message) -> Disposition:
        if message.body == "bad":
            raise ZeroDivisionError
        return await handled(message)

    await queue.send("bad", "good")
    async with polling(queue, fail_at_first) as run:
        await handled.has("good")
        await journal.seen("message.unhandled", queue="input")
        await run.end()
    assert await queue.counts() == (0, 1)
    assert run.vitals.figure("messages_unhandled_total", queue="input") == 1
    assert run.vitals.figure("messages_in_flight", queue="input") == 0


@pytest.mark.parametrize("most", [1, 7, 13])
async def test_never_more_messages_are_held_than_allowed(make_queue: MakeQueue, most: int) -> None:
    queue, handler = await make_queue(), Handler(hold=True)
    bodies = [str(i) for i in range(20)]
    await queue.send(*bodies)
    async with polling(queue, handler, most=most) as run:
        await until(lambda: handler.present == most)
        # No more are taken from the queue either, where others could have them.
        assert await queue.counts() == (20 - most, most)
        handler.go.set()
        await handler.has(*bodies)
        await run.end()
    assert handler.most_present == most
    assert await queue.counts() == (0, 0)


async def test_a_slow_handler_keeps_its_message_hidden(
    make_queue: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine that stalls for four seconds must not fail the test.
    monkeypatch.setattr(poller, "VISIBILITY_TIMEOUT_S", 5)
    monkeypatch.setattr(in_flight, "VISIBILITY_TIMEOUT_S", 5)
    monkeypatch.setattr(in_flight, "HEARTBEAT_MARGIN_S", 4.5)
    queue, handler = await make_queue(), Handler(hold=True)
    bodies = [str(i) for i in range(12)]
    await queue.send(*bodies)
    async with polling(queue, handler) as run:
        # Eleven times 0.5 s: the first time-out would be over.
        beats = 11 * len(bodies)
        await until(lambda: run.vitals.figure("visibility_extended_total", queue="input") >= beats)
        assert await queue.counts() == (0, len(bodies))
        handler.go.set()
        await run.end()
    assert sorted(handler.bodies) == sorted(bodies)
    assert await queue.counts() == (0, 0)


async def test_the_heartbeat_goes_on_when_sqs_refuses_one_message(
    make_queue: MakeQueue, monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    monkeypatch.setattr(poller, "VISIBILITY_TIMEOUT_S", 6)
    monkeypatch.setattr(in_flight, "VISIBILITY_TIMEOUT_S", 6)
    monkeypatch.setattr(in_flight, "HEARTBEAT_MARGIN_S", 5.5)
    queue, handler = await make_queue(), Handler(hold=True)

    async def lose_one(message: Message) -> Disposition:
        if message.body == "lost":
            await queue.queue.delete([message.receipt_handle])
        return await handler(message)

    await queue.send("lost", "kept")
    async with polling(queue, lose_one) as run:
        await handler.has("lost", "kept")
        await journal.seen("heartbeat.refused", queue="input")
        await until(lambda: run.vitals.figure("visibility_extended_total", queue="input") >= 2)
        handler.go.set()
        await run.end()
    assert await queue.counts() == (0, 0)


DENIED = answer(403, "AccessDeniedException")
RELEASES = ("ChangeMessageVisibilityBatch",)
"""Extensions use the same call."""


async def test_a_deletion_that_is_refused_is_a_trouble_and_made_again(
    make_queue: MakeQueue, moto: str
) -> None:
    queue, handler = await make_queue(), Handler()
    await queue.send("a")
    async with proxied(queue, moto) as (proxy, seen), polling(seen, handler) as run:
        with proxy.failing(DENIED, "DeleteMessageBatch"):
            await until(lambda: run.vitals.figure("deletes_failed_total", queue="input") >= 3)
            assert "AccessDenied" in run.vitals.health.troubles["input queue deletes"]
            # It is held, and not handled again and again.
            assert await queue.counts() == (0, 1)
        await until(lambda: run.vitals.health.troubles == {})
        await run.end()
    assert handler.bodies == ["a"]
    assert await queue.counts() == (0, 0)
    assert run.vitals.figure("messages_deleted_total", queue="input") == 1


async def test_an_extension_that_is_refused_is_a_trouble_and_made_again(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "HEARTBEAT_MARGIN_S", in_flight.VISIBILITY_TIMEOUT_S)
    queue, handler = await make_queue(), Handler(hold=True)
    await queue.send("a")
    async with proxied(queue, moto) as (proxy, seen), polling(seen, handler) as run:
        with proxy.failing(DENIED, *RELEASES):
            await until(lambda: run.vitals.figure("heartbeats_failed_total", queue="input") >= 3)
            assert "AccessDenied" in run.vitals.health.troubles["input queue heartbeat"]
        await until(lambda: run.vitals.health.troubles == {})
        handler.go.set()
        await run.end()
    assert await queue.counts() == (0, 0)


async def test_an_extension_is_no_trouble_any_more_once_its_message_is_done(
    make_queue: MakeQueue, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "HEARTBEAT_MARGIN_S", in_flight.VISIBILITY_TIMEOUT_S)
    queue, handler = await make_queue(), Handler(hold=True)
    await queue.send("a")
    async with proxied(queue, moto) as (proxy, seen), polling(seen, handler) as run:
        with proxy.failing(DENIED, *RELEASES):
            await until(lambda: "input queue heartbeat" in run.vitals.health.troubles)
            handler.go.set()
            await until(lambda: run.vitals.health.troubles == {})
        await run.end()
    assert await queue.counts() == (0, 0)


async def test_a_receipt_that_is_gone_is_no_trouble(
    make_queue: MakeQueue, journal: Journal
) -> None:
    queue, handler = await make_queue(), Handler()

    async def lose(message: Message) -> Disposition:
        await queue.client.purge_queue(QueueUrl=queue.url)
        return await handler(message)

    await queue.send("a")
    async with polling(queue, lose) as run:
        await journal.seen("delete.failed")
        await until(lambda: run.vitals.figure("messages_in_flight", queue="input") == 0)
        assert run.vitals.health.troubles == {}
        await run.end()
    assert len(journal.of("delete.failed")) == 1


async def test_a_drain_finishes_what_is_held(make_queue: MakeQueue, journal: Journal) -> None:
    queue, handler = await make_queue(), Handler(hold=True)
    await queue.send("a", "b")
    async with polling(queue, handler) as run:
        await handler.has("a", "b")
        run.stop.set()
        await journal.seen("queue.draining")
        handler.go.set()
        await run.end()
    assert await queue.counts() == (0, 0)
    assert await journal.seen("queue.drained", left=0)


async def test_a_drain_gives_back_what_cannot_finish(
    make_queue: MakeQueue, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RELEASE_SHARE", 0.9)
    queue, handler = await make_queue(), Handler(hold=True)
    bodies = [str(i) for i in range(12)]
    await queue.send(*bodies)
    async with polling(queue, handler, drain_s=5) as run:
        await handler.has(*bodies)
        await run.end()
    assert await queue.count() == len(bodies)
    assert handler.present == 0
    # At once, and not when the visibility time-out ends.
    assert run.vitals.figure("messages_released_total", queue="input") == len(bodies)
    assert run.vitals.figure("messages_in_flight", queue="input") == 0


@pytest.mark.parametrize("failing", [1, 3])
async def test_a_release_that_fails_is_made_again_and_holds_up_no_other(
    make_queue: MakeQueue,
    moto: str,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    failing: int,
) -> None:
    monkeypatch.setattr(poller, "RELEASE_SHARE", 0.9)
    queue, handler = await make_queue(), Handler(hold=True)
    # Two batches: either one fails, or both and the first retry.
    bodies = [str(i) for i in range(12)]
    await queue.send(*bodies)
    async with proxied(queue, moto) as (proxy, seen), polling(seen, handler, drain_s=20) as run:
        await handler.has(*bodies)
        with proxy.failing(
            answer(500, "InternalFailure"), "ChangeMessageVisibilityBatch", calls=failing
        ):
            await run.end()
        assert len(proxy.of(*RELEASES)) == 2 + failing
    assert len(journal.of("release.failed", queue="input")) == failing
    assert await journal.seen("queue.drained", left=0)
    assert await queue.count() == len(bodies)
    assert run.vitals.figure("messages_released_total", queue="input") == len(bodies)


async def test_a_partly_failed_release_is_retried_for_its_rest(
    make_queue: MakeQueue, moto: str, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RELEASE_SHARE", 0.9)
    queue, handler = await make_queue(), Handler(hold=True)
    await queue.send("a", "b")
    async with proxied(queue, moto) as (proxy, seen), polling(seen, handler, drain_s=20) as run:
        await handler.has("a", "b")
        with proxy.failing(fail_the_first, *RELEASES, calls=1):
            await run.end()
        both, one = (json.loads(call.body)["Entries"] for call in proxy.of(*RELEASES))
    assert [entry["ReceiptHandle"] for entry in one] == [both[0]["ReceiptHandle"]]
    assert journal.of("queue.drained", left=0)
    assert run.vitals.figure("messages_released_total", queue="input") == 2


async def fail_the_first(exchange: Exchange) -> None:
    """Say that it failed in SQS itself for the first message of a batch, and not for the others."""
    first, *others = (entry["Id"] for entry in json.loads(exchange.call.body)["Entries"])
    failed = [{"Id": first, "Code": "InternalError", "SenderFault": False}]
    done = [{"Id": other} for other in others]
    say(exchange, 200, json.dumps({"Successful": done, "Failed": failed}).encode())


async def test_a_drain_ends_in_time_when_the_queue_is_gone(
    make_queue: MakeQueue, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RELEASE_SHARE", 0.9)
    queue, handler = await make_queue(), Handler(hold=True)
    await queue.send("a")
    async with polling(queue, handler, drain_s=2) as run:
        await handler.has("a")
        await queue.client.delete_queue(QueueUrl=queue.url)
        await run.end()
    assert await journal.seen("release.failed", queue="input")
    assert await journal.seen("queue.drained", left=1)


async def test_a_stop_does_not_wait_for_a_poll_without_messages(make_queue: MakeQueue) -> None:
    queue = await make_queue()
    async with polling(queue, Handler()) as run:
        # Half of what SQS would hold the poll open.
        async with asyncio.timeout(10):
            await run.end()


async def test_nothing_is_received_after_the_stop(
    make_queue: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RECEIVERS", 2)
    queue, handler = await make_queue(), Handler(hold=True)
    await queue.send("first", "second")
    async with polling(queue, handler, most=1) as run:
        await until(lambda: handler.present == 1)
        run.stop.set()
        # Room for the second, while receivers that wait for it are still there.
        handler.go.set()
        await run.end()
    assert len(handler.bodies) == 1
    assert await queue.counts() == (1, 0)


async def test_nothing_is_received_while_the_gate_is_closed(make_queue: MakeQueue) -> None:
    queue, handler, gate = await make_queue(), Handler(), Tap()
    gate.is_open.clear()
    await queue.send("a")
    async with polling(queue, handler, gate=gate) as run:
        await gate.asked.wait()
        assert await queue.counts() == (1, 0)
        gate.is_open.set()
        await handler.has("a")
        await run.end()


async def test_a_gate_that_closed_during_the_wait_for_room_is_closed(
    make_queue: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RECEIVERS", 2)
    queue, handler, gate = await make_queue(), Handler(hold=True), Tap()
    await queue.send("a", "b")
    async with polling(queue, handler, most=1, gate=gate) as run:
        await until(lambda: handler.present == 1)
        gate.is_open.clear()
        handler.go.set()
        await gate.asked.wait()
        await until(lambda: run.vitals.figure("messages_deleted_total", queue="input") == 1)
        assert await queue.counts() == (1, 0)
        gate.is_open.set()
        await handler.has("a", "b")
        await run.end()


async def test_a_queue_that_comes_back_is_polled_again(make_queue: MakeQueue, sqs: Any) -> None:
    queue, handler = await make_queue(), Handler()
    async with polling(queue, handler) as run:
        await sqs.delete_queue(QueueUrl=queue.url)
        await until(lambda: "input queue" in run.vitals.health.troubles)
        assert "NonExistentQueue" in run.vitals.health.troubles["input queue"]
        await sqs.create_queue(QueueName=queue.url.rpartition("/")[2])
        await queue.send("back")
        await handler.has("back")
        await run.end()
    assert run.vitals.health.troubles == {}


async def test_two_pollers_share_a_queue(make_queue: MakeQueue) -> None:
    queue = await make_queue()
    one, two = Handler(hold=True), Handler(hold=True)
    bodies = [str(i) for i in range(8)]
    async with polling(queue, one, most=4) as first, polling(queue, two, most=4) as second:
        await queue.send(*bodies)
        # Each holds what it may, and no more.
        await until(lambda: one.present == two.present == 4)
        one.go.set()
        two.go.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(first.end(), second.end())
    assert set(one.bodies + two.bodies) == set(bodies)
    assert await queue.counts() == (0, 0)
