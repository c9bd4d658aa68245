"""The account: S3, SQS and DynamoDB by moto, Lambda by the Lambda host."""

import asyncio
import json
import os
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from hybridsphere.aws import session
from hybridsphere.host.function import FunctionSettings
from hybridsphere.host.package import folder_of
from hybridsphere.local import resources
from hybridsphere.local.lambda_host import LambdaHost, to_stderr
from hybridsphere.local.moto_server import MotoServer
from hybridsphere.local.resources import QueueSettings
from hybridsphere.local.trigger import cancelled, run_trigger
from hybridsphere.settings import Sink, Source

Mode = Literal["identify", "attendance"]

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
"""Any value works: nothing checks credentials here."""


@dataclass(frozen=True, slots=True)
class LocalQueue:
    """A queue of this account."""

    url: str
    arn: str
    dead_letter_url: str


class LocalAccount:
    """An async context manager in which everything that `resources` declares answers.

    `gallery` holds the known faces, none by default. `workers` is the function's reserved
    concurrency, by default the number of processors. `function` and `task_root` replace the
    function. `source` and `sink` are the bridge's; queues that they do not use are not made. `mode`
    is the function's. The other parameters are those of LambdaHost.
    """

    input_queue: LocalQueue | None = None
    output_queue: LocalQueue | None = None

    def __init__(
        self,
        *,
        gallery: Path | None = None,
        workers: int | None = None,
        function: FunctionSettings = resources.FUNCTION,
        task_root: Path | None = None,
        retry_scale: float = 1.0,
        idle_s: float = 15.0,
        log: Callable[[bytes], object] = to_stderr,
        source: Source = "queue",
        sink: Sink = "queue",
        mode: Mode = "identify",
    ) -> None:
        self._mode = mode
        self._source = source
        self._sink = sink
        self._gallery = gallery
        self._workers = workers or os.cpu_count() or 1
        self._settings = function
        self.task_root = task_root or folder_of(function.handler)
        self._retry_scale = retry_scale
        self._idle_s = idle_s
        self._log = log
        self._session: Any = session()
        self._moto = MotoServer()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._moto)
            self._sqs = await stack.enter_async_context(self._client("sqs"))
            self._s3 = await stack.enter_async_context(self._client("s3"))
            if self._source == "queue":
                self.input_queue = await self._make_queue(resources.INPUT_QUEUE)
            if self._sink == "queue":
                self.output_queue = await self._make_queue(resources.OUTPUT_QUEUE)
            await self._make_buckets()
            await self._make_table()
            self._host = await stack.enter_async_context(self._lambda_host())
            await self._start_trigger(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def worker_count(self) -> int:
        """The number of worker processes, idle ones included."""
        return self._host.worker_count

    def environment(self) -> dict[str, str]:
        """Return the variables by which every other command finds this account."""
        return {
            **CREDENTIALS,
            "AWS_REGION": resources.REGION,
            # botocore, and so any script, knows the region by this name only.
            "AWS_DEFAULT_REGION": resources.REGION,
            "AWS_ENDPOINT_URL": self._moto.endpoint,
            "AWS_ENDPOINT_URL_LAMBDA": self._host.endpoint,
            "HYBRIDSPHERE_INPUT_BUCKET": resources.INPUT_BUCKET,
            "HYBRIDSPHERE_OUTPUT_BUCKET": resources.OUTPUT_BUCKET,
            "HYBRIDSPHERE_FUNCTION_NAME": self._settings.name,
            "HYBRIDSPHERE_TABLE": resources.TABLE,
            "HYBRIDSPHERE_SOURCE": self._source,
            "HYBRIDSPHERE_SINK": self._sink,
            **self._queue_variables(),
        }

    def _queue_variables(self) -> dict[str, str]:
        queues = {"INPUT": self.input_queue, "OUTPUT": self.output_queue}
        there = {name: queue for name, queue in queues.items() if queue is not None}
        variables = {f"HYBRIDSPHERE_{name}_QUEUE_URL": queue.url for name, queue in there.items()}
        for queue in there.values():
            # The dead-letter queue of the first queue that exists.
            variables.setdefault("HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL", queue.dead_letter_url)
        return variables

    async def failure(self) -> str:
        """Wait until the account breaks down, which it should never; return the reason."""
        return f"moto's server ended with exit status {await self._moto.wait()}"

    def _client(self, service: str) -> Any:
        return self._session.create_client(
            service,
            region_name=resources.REGION,
            endpoint_url=self._moto.endpoint,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    async def _make_queue(self, settings: QueueSettings) -> LocalQueue:
        retention = {"MessageRetentionPeriod": str(settings.retention_s)}
        dead_letter_url, dead_letter_arn = await self._create_queue(
            settings.dead_letter_name, retention
        )
        redrive = {
            "deadLetterTargetArn": dead_letter_arn,
            "maxReceiveCount": settings.max_receives,
        }
        url, arn = await self._create_queue(
            settings.name,
            {
                **retention,
                "VisibilityTimeout": str(settings.visibility_timeout_s),
                "ReceiveMessageWaitTimeSeconds": str(settings.receive_wait_s),
                "RedrivePolicy": json.dumps(redrive),
            },
        )
        return LocalQueue(url, arn, dead_letter_url)

    async def _create_queue(self, name: str, attributes: dict[str, str]) -> tuple[str, str]:
        """Make a queue; return its URL and ARN."""
        made = await self._sqs.create_queue(QueueName=name, Attributes=attributes)
        url = made["QueueUrl"]
        answer = await self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, answer["Attributes"]["QueueArn"]

    async def _make_buckets(self) -> None:
        for bucket in (resources.INPUT_BUCKET, resources.OUTPUT_BUCKET):
            await self._s3.create_bucket(Bucket=bucket)
        if self.input_queue is not None:
            await self._notify(self.input_queue.arn)

    async def _notify(self, queue_arn: str) -> None:
        """Let the input bucket send the events of its objects to a queue."""
        target = {"QueueArn": queue_arn, "Events": list(resources.NOTIFIED_EVENTS)}
        await self._s3.put_bucket_notification_configuration(
            Bucket=resources.INPUT_BUCKET,
            NotificationConfiguration={"QueueConfigurations": [target]},
        )

    async def _start_trigger(self, stack: AsyncExitStack) -> None:
        """Let the bucket invoke the function itself if the source is direct."""
        if self._source != "direct":
            return
        url, arn = await self._create_queue(resources.TRIGGER_QUEUE, {})
        await self._notify(arn)
        trigger = asyncio.create_task(run_trigger(self._sqs, url, self._host.accept))
        stack.push_async_callback(cancelled, trigger)

    async def _make_table(self) -> None:
        key = resources.TABLE_KEY
        async with self._client("dynamodb") as dynamodb:
            await dynamodb.create_table(
                TableName=resources.TABLE,
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

    @property
    def function(self) -> FunctionSettings:
        """The function as it is configured; inside the context alone."""
        return replace(
            self._settings,
            reserved_concurrency=self._workers,
            environment={**self._function_environment(), **self._settings.environment},
        )

    def _lambda_host(self) -> LambdaHost:
        return LambdaHost(
            self.function,
            task_root=self.task_root,
            on_failure=self._send_failure,
            retry_scale=self._retry_scale,
            idle_s=self._idle_s,
            log=self._log,
        )

    def _function_environment(self) -> dict[str, str]:
        environment = {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self._moto.endpoint,
            # In Lambda there are no such files; here they would be the reader's own.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "HYBRIDSPHERE_OUTPUT_BUCKET": resources.OUTPUT_BUCKET,
            "HYBRIDSPHERE_TABLE": resources.TABLE,
            "HYBRIDSPHERE_MODE": self._mode,
            # Nobody else can read this account, and its own page is to show every face.
            "HYBRIDSPHERE_EVIDENCE": "all",
        }
        if self.output_queue is not None:
            environment["HYBRIDSPHERE_OUTPUT_QUEUE_URL"] = self.output_queue.url
        if self._gallery is not None:
            environment["HYBRIDSPHERE_GALLERY"] = str(self._gallery.resolve())
        return environment

    async def _send_failure(self, record: dict[str, Any]) -> None:
        """Deliver Lambda's on-failure record: to the output queue, else to the output bucket."""
        body = json.dumps(record)
        if self.output_queue is not None:
            await self._sqs.send_message(QueueUrl=self.output_queue.url, MessageBody=body)
            return
        now = datetime.now(UTC)
        # AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
        key = (
            f"aws/lambda/async/{self._settings.name}/{now:%Y/%m/%d}/"
            f"{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        )
        await self._s3.put_object(Bucket=resources.OUTPUT_BUCKET, Key=key, Body=body.encode())
