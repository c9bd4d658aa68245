"""Waiting for the results of an upload."""

import asyncio
import io
from typing import cast

import pytest
from rich.console import Console

from hybridsphere.workload.settle import wait_until_settled
from tests.workload.workload_stage import Stage


async def wait(stage: Stage, standstill_s: float = 60) -> bool:
    return await wait_until_settled(
        stage.settings, stage.manifest, console=stage.quiet, standstill_s=standstill_s
    )


async def test_it_waits_for_the_last_result_and_the_last_message(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    url = stage.settings.need("output_queue_url")
    stage.sqs.send_message(QueueUrl=url, MessageBody="not collected yet")
    stage.complete("x.mp4")
    waiting = asyncio.create_task(wait(stage))

    async def goes_on_waiting() -> bool:
        return not (await asyncio.wait({waiting}, timeout=0.7))[0]

    assert await goes_on_waiting()
    stage.complete("y.mp4")
    assert await goes_on_waiting()
    stage.sqs.purge_queue(QueueUrl=url)
    assert await waiting


async def test_it_gives_up_when_nothing_moves_any_more(stage: Stage) -> None:
    await stage.upload("x.mp4")

    assert not await wait(stage, standstill_s=0.5)


@pytest.mark.parametrize(("completed", "said"), [([], 1), (["x.mp4"], 0)])
async def test_a_missing_bridge_is_asked_for_once(
    stage: Stage, completed: list[str], said: int
) -> None:
    manifest = await stage.upload("x.mp4", "y.mp4")
    stage.complete(*completed)
    console = Console(file=io.StringIO())

    await wait_until_settled(
        stage.settings, manifest, console=console, standstill_s=1.5, silence_s=0
    )

    assert cast("io.StringIO", console.file).getvalue().count("is a bridge running?") == said


async def test_a_redelivered_message_is_no_progress(stage: Stage) -> None:
    await stage.upload("x.mp4")
    url = stage.settings.need("input_queue_url")
    stage.sqs.send_message(QueueUrl=url, MessageBody="poison")
    waiting = asyncio.create_task(wait(stage, standstill_s=0.5))
    while not waiting.done():
        await asyncio.to_thread(stage.sqs.receive_message, QueueUrl=url, VisibilityTimeout=0)

    assert not await waiting
