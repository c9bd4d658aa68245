"""The double's queues hide, return and delete messages as SQS does."""

import asyncio

from bench.doubles.queue import DoubleQueue


async def test_a_long_poll_is_answered_by_the_message_that_comes() -> None:
    queue = DoubleQueue()
    poll = asyncio.create_task(queue.receive(10, visibility_s=30, wait_s=20))
    await asyncio.sleep(0)
    queue.put("one")
    assert [message["Body"] for message in await poll] == ["one"]


async def test_a_poll_that_nothing_comes_for_ends_empty() -> None:
    assert await DoubleQueue().receive(10, visibility_s=30, wait_s=0.01) == []


async def test_a_message_comes_again_when_its_visibility_time_out_ends() -> None:
    queue = DoubleQueue()
    queue.put("one")
    (first,) = await queue.receive(1, visibility_s=0.01, wait_s=0)
    (second,) = await queue.receive(1, visibility_s=30, wait_s=20)
    assert (second["MessageId"], second["Body"]) == (first["MessageId"], "one")
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"


async def test_an_extended_message_stays_hidden() -> None:
    queue = DoubleQueue()
    queue.put("one")
    (message,) = await queue.receive(1, visibility_s=1, wait_s=0)
    assert queue.change_visibility(message["ReceiptHandle"], 30)
    assert await queue.receive(1, visibility_s=30, wait_s=1.1) == []


async def test_a_message_that_is_released_wakes_a_poll() -> None:
    queue = DoubleQueue()
    queue.put("one")
    (message,) = await queue.receive(1, visibility_s=30, wait_s=0)
    poll = asyncio.create_task(queue.receive(1, visibility_s=30, wait_s=20))
    await asyncio.sleep(0)
    queue.change_visibility(message["ReceiptHandle"], 0)
    assert len(await poll) == 1


async def test_a_receipt_that_has_run_out_deletes_nothing() -> None:
    queue = DoubleQueue()
    queue.put("one")
    (old,) = await queue.receive(1, visibility_s=0, wait_s=0)
    (new,) = await queue.receive(1, visibility_s=30, wait_s=20)
    queue.delete(old["ReceiptHandle"])
    assert queue.stats()["in_flight"] == 1
    queue.delete(new["ReceiptHandle"])
    assert queue.stats() == {
        "visible": 0,
        "in_flight": 0,
        "received": 2,
        "deleted": 1,
        "waiting": 0,
    }
