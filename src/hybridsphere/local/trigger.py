"""S3's direct trigger: the bucket invokes the function with its own event, unchanged."""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient


async def run_trigger(sqs: "SQSClient", queue_url: str, invoke: Callable[[bytes], None]) -> None:
    """Hand every event of the account's own queue to `invoke`, until cancelled."""
    while True:
        answer = await sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=20
        )
        for message in answer.get("Messages", []):
            # S3 sends a test event to a queue, but never to a function.
            if json.loads(message["Body"]).get("Event") != "s3:TestEvent":
                invoke(message["Body"].encode())
            await sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
