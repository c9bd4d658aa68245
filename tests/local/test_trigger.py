"""The account of each way in and out: what is there, and who invokes the function."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hybridsphere.local import resources
from hybridsphere.local.account import LocalAccount
from hybridsphere.local.trigger import cancelled, run_trigger
from hybridsphere.messages import parse_output
from tests.leaks import function_log
from tests.local.local_stage import PROBE, TASK_ROOT, client_of


@dataclass
class Guest:
    """An account and clients of it."""

    account: LocalAccount
    s3: Any
    sqs: Any

    async def objects(self) -> dict[str, bytes]:
        """What is in the output bucket."""
        answer = await self.s3.list_objects_v2(Bucket=resources.OUTPUT_BUCKET)
        found = {}
        for item in answer.get("Contents", []):
            got = await self.s3.get_object(Bucket=resources.OUTPUT_BUCKET, Key=item["Key"])
            found[item["Key"]] = await got["Body"].read()
        return found

    async def first_object(self) -> tuple[str, bytes]:
        """The first object of the output bucket, once there is one."""
        async with asyncio.timeout(30):
            while True:
                if found := await self.objects():
                    return next(iter(found.items()))
                await asyncio.sleep(0.02)

    async def queues(self) -> set[str]:
        answer = await self.sqs.list_queues()
        return {url.rpartition("/")[2] for url in answer.get("QueueUrls", [])}


Visit = Callable[..., AbstractAsyncContextManager[Guest]]


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    """Starts an account whose function is the probe."""

    @asynccontextmanager
    async def visiting(**options: Any) -> AsyncIterator[Guest]:
        async with AsyncExitStack() as stack:
            account = await stack.enter_async_context(
                LocalAccount(
                    task_root=TASK_ROOT,
                    workers=2,
                    retry_scale=0.0001,
                    log=stack.enter_context(function_log(tmp_path)),
                    **{"function": PROBE, **options},
                )
            )
            endpoint = account.environment()["AWS_ENDPOINT_URL"]
            s3 = await stack.enter_async_context(client_of("s3", endpoint))
            sqs = await stack.enter_async_context(client_of("sqs", endpoint))
            yield Guest(account, s3, sqs)

    return visiting


INPUT = {resources.INPUT_QUEUE.name, resources.INPUT_QUEUE.dead_letter_name}
OUTPUT = {resources.OUTPUT_QUEUE.name, resources.OUTPUT_QUEUE.dead_letter_name}


@pytest.mark.parametrize(
    ("source", "sink", "queues"),
    [
        ("queue", "bucket", INPUT),
        ("bucket", "queue", OUTPUT),
        ("direct", "bucket", {resources.TRIGGER_QUEUE}),
    ],
)
async def test_an_unused_queue_is_not_made(
    visit: Visit, source: str, sink: str, queues: set[str]
) -> None:
    async with visit(source=source, sink=sink) as guest:
        assert await guest.queues() == queues
        told = await guest.s3.get_bucket_notification_configuration(Bucket=resources.INPUT_BUCKET)
        # Where the bridge watches the bucket, the bucket tells nobody.
        assert ("QueueConfigurations" in told) == (source != "bucket")
        environment = guest.account.environment()
    assert (environment["HYBRIDSPHERE_SOURCE"], environment["HYBRIDSPHERE_SINK"]) == (source, sink)
    named = {name for name in environment if name.endswith("_QUEUE_URL")}
    # The account's own queue is nobody else's business.
    wanted = {
        f"HYBRIDSPHERE_{name}_QUEUE_URL"
        for name, there in {
            "INPUT": source == "queue",
            "OUTPUT": sink == "queue",
            "DEAD_LETTER": "queue" in {source, sink},
        }.items()
        if there
    }
    assert named == wanted


async def test_the_bucket_invokes_the_function_with_its_own_event(visit: Visit) -> None:
    # What the function fails at comes back in Lambda's record, in mirror an object of the bucket.
    async with visit(
        source="direct", sink="bucket", function=replace(PROBE, handler="probe.fail")
    ) as guest:
        await guest.s3.put_object(Bucket=resources.INPUT_BUCKET, Key="a b+ü.mp4", Body=b"x")
        key, content = await guest.first_object()
    assert key.startswith("aws/lambda/async/probe/")
    event = json.loads(content)["requestPayload"]
    (told,) = event["Records"]
    assert told["eventName"] == "ObjectCreated:Put"
    assert told["s3"]["object"]["size"] == 1
    (result,) = parse_output(content.decode())
    assert (result.bucket, result.key) == (resources.INPUT_BUCKET, "a b+ü.mp4")
    assert (result.status, result.reason) == ("failed", "RetriesExhausted: KeyError: 'text'")


async def test_the_trigger_passes_events_on_but_not_test_events(moto: str) -> None:
    events = ['{"Records": [1 ]}', '{ "text": "ü+%2B" }']
    async with client_of("sqs", moto) as sqs:
        url = (await sqs.create_queue(QueueName="trigger"))["QueueUrl"]
        for body in [events[0], '{"Service": "Amazon S3", "Event": "s3:TestEvent"}', events[1]]:
            await sqs.send_message(QueueUrl=url, MessageBody=body)
        handed: asyncio.Queue[bytes] = asyncio.Queue()
        trigger = asyncio.create_task(run_trigger(sqs, url, handed.put_nowait))
        async with asyncio.timeout(30):
            seen = [await handed.get() for _ in events]
        await until_empty(sqs, url)
        await cancelled(trigger)
    assert seen == [event.encode() for event in events]
    assert handed.empty()


async def until_empty(sqs: Any, url: str) -> None:
    """Waits until a queue has nothing left, visible or in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    async with asyncio.timeout(30):
        while True:
            answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
            if not any(int(answer["Attributes"][name]) for name in names):
                return
            await asyncio.sleep(0.02)
