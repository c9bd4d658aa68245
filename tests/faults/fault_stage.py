"""An account with a proxy before each of its two doors, and uploads through it all."""

import itertools
import json
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybridsphere.host.function import FunctionSettings
from hybridsphere.ledger.ledger import Ledger, LedgerError, Upload
from hybridsphere.local.account import CREDENTIALS
from hybridsphere.local.lambda_host import LambdaHost
from hybridsphere.local.resources import INPUT_QUEUE, NOTIFIED_EVENTS
from hybridsphere.messages import csv_key, is_faces_key
from hybridsphere.paths import OWN_FOLDER, csv_path
from hybridsphere.settings import Sink
from tests import bridge_process
from tests.bridge_process import USUAL, BridgeProcess
from tests.leaks import function_log
from tests.proxy import Proxy
from tests.stage import counts_of, is_told_to_bridges, until, variables

HURRIED = ["-m", "tests.faults.hurried_bridge"]
TASK_ROOT = Path(__file__).parent / "function"
BACKLOG = 30
"""Limit on waiting events: the cost of a moto queue grows with its length."""

_serial = itertools.count()


@dataclass(frozen=True)
class Size:
    """How much is done: `small` with the other tests, large in a soak."""

    small: bool

    def __call__(self, small: int, large: int) -> int:
        return small if self.small else large

    @property
    def bridge(self) -> list[str]:
        """The bridge, as Python's arguments; in a soak it has its own patience."""
        return HURRIED if self.small else USUAL

    @property
    def keeping_bridge(self) -> list[str]:
        """Return the same, for messages that are held long on a slow machine."""
        return [*HURRIED, "6"] if self.small else USUAL


@dataclass
class Account:
    """S3 and SQS by moto, shared by all tests."""

    endpoint: str
    s3: Any
    sqs: Any


@dataclass
class Site:
    """Buckets, queues and a function that no other test knows, and the proxies before them."""

    account: Account
    queues: Proxy
    function: Proxy
    inputs: str
    outputs: str
    dead: str
    bucket: str
    output_bucket: str
    folder: Path
    size: Size
    sink: Sink
    uploaded: list[str] = field(default_factory=list)

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def environment(self, **ours: str) -> dict[str, str]:
        """Return the environment of a bridge; `ours` are further variables."""
        inherited = {
            name: text for name, text in os.environ.items() if not is_told_to_bridges(name)
        }
        told = variables(
            self.queues.endpoint,
            self.function.endpoint,
            INPUT_QUEUE_URL=self._seen_by_the_bridge(self.inputs),
            OUTPUT_QUEUE_URL=self._seen_by_the_bridge(self.outputs),
            DEAD_LETTER_QUEUE_URL=self._seen_by_the_bridge(self.dead),
            FUNCTION_NAME="deliver",
            INPUT_BUCKET=self.bucket,
            **self._told_of_the_sink(),
            RESULTS_DIR=str(self.results),
        )
        return {**inherited, **told, **ours}

    def _told_of_the_sink(self) -> dict[str, str]:
        if self.sink == "queue":
            return {}
        return {"SINK": self.sink, "OUTPUT_BUCKET": self.output_bucket}

    def _seen_by_the_bridge(self, queue_url: str) -> str:
        return queue_url.replace(self.account.endpoint, self.queues.endpoint)

    def bridge(
        self, before: Sequence[str] = (), **ours: str
    ) -> AbstractAsyncContextManager[BridgeProcess]:
        """A bridge that is ready; `before` is a command that runs it, `ours` further variables."""
        return bridge_process.running(self.environment(**ours), self.size.bridge, before)

    async def upload(self, keys: Iterable[str]) -> None:
        """Upload videos in portions, as fast as they are taken from the queue."""
        for key in keys:
            await until(self._has_room)
            await self.account.s3.put_object(Bucket=self.bucket, Key=key, Body=key.encode())
            self.uploaded.append(key)

    async def _has_room(self) -> bool:
        return (await self.counts(self.inputs))[0] < BACKLOG

    async def send(self, queue_url: str, *bodies: str) -> None:
        for body in bodies:
            await self.account.sqs.send_message(QueueUrl=queue_url, MessageBody=body)

    async def counts(self, queue_url: str) -> tuple[int, int]:
        """How many messages are visible, and how many in flight."""
        return await counts_of(self.account.sqs, queue_url)

    def rows(self) -> list[Upload]:
        """The ledger, as far as it has got."""
        try:
            with Ledger.read(self.results) as ledger:
                return list(ledger.uploads())
        except LedgerError:
            return []

    def ended(self) -> dict[str, str]:
        """The status of each key that has one."""
        return {row.key: row.status for row in self.rows() if row.status}

    def csvs(self) -> dict[str, str]:
        """The CSV files on disk, by their path."""
        found = (path.relative_to(self.results) for path in self.results.rglob("*.csv"))
        return {
            str(path): (self.results / path).read_bytes().decode()
            for path in found
            if OWN_FOLDER not in path.parts
        }

    def attempts(self, key: str) -> int:
        """How often the function was run for a key."""
        return (self.folder / "attempts").read_text().splitlines().count(key)

    async def objects(self) -> list[str]:
        """The keys in the output bucket, without those of faces."""
        pages = self.account.s3.get_paginator("list_objects_v2").paginate(Bucket=self.output_bucket)
        keys = [found["Key"] async for page in pages for found in page.get("Contents", [])]
        return [key for key in keys if not is_faces_key(key)]

    async def content(self, key: str) -> str:
        """Return the content of an object in the output bucket."""
        got = await self.account.s3.get_object(Bucket=self.output_bucket, Key=key)
        return str((await got["Body"].read()).decode())

    async def settled(self) -> None:
        """Wait until each upload has ended and both queues are empty."""
        await until(lambda: self.ended().keys() >= set(self.uploaded))
        await until(self.is_drained)

    async def is_drained(self) -> bool:
        return await self.counts(self.inputs) == await self.counts(self.outputs) == (0, 0)

    async def check(self) -> None:
        """Uploads = ledger rows = CSV files = objects, none half-written, none double or dead."""
        rows = self.rows()
        assert sorted(row.key for row in rows) == sorted(self.uploaded)
        assert {row.status for row in rows} == {"no_face"}
        assert all(row.received_at and row.invoked_at for row in rows)
        # Those of the ledger are the function's own, from the first to the last byte.
        assert all(row.csv == written(row) for row in rows)
        assert self.csvs() == {str(csv_path(csv_key(row.key))): row.csv for row in rows}
        assert sorted(await self.objects()) == sorted(csv_key(key) for key in self.uploaded)
        assert await self.counts(self.dead) == (0, 0)


def written(row: Upload) -> str:
    """The CSV as the function writes it."""
    return f"name,major,year,status\r\n{row.key},{row.version},,no_face\r\n"


@asynccontextmanager
async def opened(
    account: Account,
    folder: Path,
    size: Size,
    *,
    workers: int,
    sink: Sink = "queue",
    **function: Any,
) -> AsyncIterator[Site]:
    """A site; `function` are further settings of the function."""
    serial = next(_serial)
    sqs, s3 = account.sqs, account.s3

    async def make_queue(name: str, **attributes: str) -> tuple[str, str]:
        made = await sqs.create_queue(QueueName=f"{name}-{serial}", Attributes=attributes)
        asked = {"QueueUrl": made["QueueUrl"], "AttributeNames": ["QueueArn"]}
        answer = await sqs.get_queue_attributes(**asked)
        return made["QueueUrl"], answer["Attributes"]["QueueArn"]

    dead, dead_arn = await make_queue("dead")
    redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": INPUT_QUEUE.max_receives}
    inputs, inputs_arn = await make_queue("input", RedrivePolicy=json.dumps(redrive))
    outputs, _ = await make_queue("output", RedrivePolicy=json.dumps(redrive))
    bucket, output_bucket = f"input-bucket-{serial}", f"output-bucket-{serial}"
    for name in (bucket, output_bucket):
        await s3.create_bucket(Bucket=name)
    target = {"QueueArn": inputs_arn, "Events": list(NOTIFIED_EVENTS)}
    await s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [target]}
    )

    async def on_failure(record: dict[str, Any]) -> None:
        await sqs.send_message(QueueUrl=outputs, MessageBody=json.dumps(record))

    (folder / "attempts").touch()
    settings = {
        "name": "deliver",
        "handler": "deliver.handler",
        "timeout_s": 30,
        "memory_mb": 256,
        "reserved_concurrency": workers,
        "environment": {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": account.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "ATTEMPTS": str(folder / "attempts"),
            "HYBRIDSPHERE_OUTPUT_BUCKET": output_bucket,
            **({"HYBRIDSPHERE_OUTPUT_QUEUE_URL": outputs} if sink == "queue" else {}),
        },
        **function,
    }
    async with AsyncExitStack() as stack:
        log = stack.enter_context(function_log(folder))
        host = LambdaHost(
            FunctionSettings(**settings),
            task_root=TASK_ROOT,
            on_failure=on_failure,
            retry_scale=0.0001,
            log=log,
        )
        await stack.enter_async_context(host)
        queues = await stack.enter_async_context(Proxy(account.endpoint, short_polls=size.small))
        function_door = await stack.enter_async_context(Proxy(host.endpoint))
        yield Site(
            account,
            queues,
            function_door,
            inputs,
            outputs,
            dead,
            bucket,
            output_bucket,
            folder,
            size,
            sink,
        )
