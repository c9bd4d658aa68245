"""What the tests of the whole way use to reach into it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridsphere.demo import clips
from hybridsphere.demo.bridge import BridgeProcess, running_bridge
from hybridsphere.ledger.ledger import Ledger, LedgerError, Upload
from hybridsphere.local.account import LocalAccount, Sink, Source
from tests.forked import Forked
from tests.leaks import function_log
from tests.stage import client_of

PATIENCE_S = 90
"""How long anything may take before a test is given up; all being well, nothing takes as long."""


@asynccontextmanager
async def started(
    folder: Path, gallery: Path, *, source: Source = "queue", sink: Sink = "queue", **account: Any
) -> AsyncIterator["Pipeline"]:
    """An account with the real function, its students, and a bridge as a process of its own.

    What it leaves is in `folder`, which is there. `account` are further options of LocalAccount.
    """
    students = folder / "students.json"
    clips.write_students(students)
    with function_log(folder) as log:
        async with LocalAccount(
            gallery=gallery,
            retry_scale=0.001,
            log=log,
            source=source,
            sink=sink,
            **account,
        ) as made:
            environment = {
                **os.environ,
                **made.environment(),
                "HYBRIDSPHERE_RESULTS_DIR": str(folder / "results"),
                "HYBRIDSPHERE_HTTP": "127.0.0.1:0",
            }
            async with running_bridge(environment, folder / "bridge.log") as bridge:
                pipeline = Pipeline(made, bridge, environment, folder / "results")
                await pipeline.run("students", "load", str(students))
                yield pipeline
                assert await bridge.stop(within_s=30) == 0


@dataclass
class Pipeline:
    account: LocalAccount
    bridge: BridgeProcess
    environment: dict[str, str]
    results: Path

    @asynccontextmanager
    async def client(self, service: str) -> AsyncIterator[Any]:
        async with client_of(service, self.environment["AWS_ENDPOINT_URL"]) as client:
            yield client

    async def upload(self, key: str, content: bytes) -> None:
        async with self.client("s3") as s3:
            await s3.put_object(
                Bucket=self.environment["HYBRIDSPHERE_INPUT_BUCKET"], Key=key, Body=content
            )

    async def send(self, queue: str, body: str) -> None:
        """Put a message on the `INPUT` or the `OUTPUT` queue by hand."""
        async with self.client("sqs") as sqs:
            await sqs.send_message(
                QueueUrl=self.environment[f"HYBRIDSPHERE_{queue}_QUEUE_URL"], MessageBody=body
            )

    async def run(self, *arguments: str) -> str:
        """Run a command of ours in this account; what it printed."""
        process = await Forked.start("hybridsphere", *arguments, environ=self.environment)
        output, _ = await process.communicate()
        assert process.returncode == 0, output
        return output.decode()

    def uploads(self) -> list[Upload]:
        """The ledger, as far as it has got."""
        try:
            with Ledger.read(self.results) as ledger:
                return list(ledger.uploads())
        except LedgerError:
            return []

    async def results_of(self, keys: Sequence[str]) -> dict[str, Upload]:
        """The rows of these keys, once each has its result."""
        wanted = set(keys)

        def rows() -> dict[str, Upload]:
            return {row.key: row for row in self.uploads() if row.key in wanted and row.status}

        await self.until(lambda: rows().keys() == wanted)
        return rows()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Look again and again; other processes announce nothing that could be awaited."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.05)

    async def messages_left(self) -> int:
        """Messages on both queues, visible or in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        left = 0
        async with self.client("sqs") as sqs:
            for queue in ("INPUT", "OUTPUT"):
                answer = await sqs.get_queue_attributes(
                    QueueUrl=self.environment[f"HYBRIDSPHERE_{queue}_QUEUE_URL"],
                    AttributeNames=names,
                )
                left += sum(int(answer["Attributes"][name]) for name in names)
        return left
