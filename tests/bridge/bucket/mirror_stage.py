"""An output bucket and the folder in which a mirror keeps its results."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridsphere.aws import Bucket
from hybridsphere.bridge.bucket.mirror import Mirror
from hybridsphere.bridge.bucket.watcher import Watcher
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.ledger.ledger import Upload
from hybridsphere.messages import Result, csv_key, object_metadata
from tests.bridge.bridge_stage import RealBucket, Vitals, rows, storing
from tests.samples import BUCKET, result
from tests.stage import until

FAILURE_RECORDS = "aws/lambda/async/"
"""Lambda's prefix for failure records in a bucket; a video's key may begin with it as well."""


@dataclass
class Site:
    """An output bucket, and the folder that it is mirrored in."""

    output: RealBucket
    folder: Path
    vitals: Vitals

    def of(self, key: str = "test_0.mp4", **more: Any) -> Result:
        """A result that is in this output bucket."""
        fields = {"output_bucket": self.output.name, "output_key": csv_key(key), **more}
        return result(key, **fields)

    async def put(self, *results: Result) -> None:
        """Write CSVs as the function does."""
        for one in results:
            await self.output.put(csv_key(one.key), one.csv.encode(), object_metadata(one))

    async def fail(self, body: str, name: str = "record") -> None:
        """Write a failure record as Lambda does."""
        await self.output.put(f"{FAILURE_RECORDS}f/2026/11/21/{name}", body.encode())

    @asynccontextmanager
    async def mirroring(
        self, input_bucket: str = BUCKET, *, client: Any = None, most: int = 100
    ) -> AsyncIterator[ResultStore]:
        """A mirror at work, in a bridge that begins and ends with it; `client` is its way to S3."""
        output = Bucket(client or self.output.client, self.output.name)
        async with storing(self.folder, self.vitals) as store:
            vitals = self.vitals
            mirror = Mirror(output, input_bucket, store, vitals.metrics, vitals.health)
            watcher = Watcher(
                "output",
                output,
                new=mirror.new,
                handle=mirror.handle,
                most=most,
                lock=self.folder.with_name("lock"),
                gate=store.wait_until_working,
                health=self.vitals.health,
                metrics=self.vitals.metrics,
            )
            mirror.set_aside = watcher.set_aside
            stop = asyncio.Event()
            work = asyncio.create_task(watcher.run(stop, drain_s=10))
            try:
                yield store
            finally:
                stop.set()
                await work

    async def fetched(self, *keys: str) -> dict[str, Upload]:
        """The rows of these videos, once each has its result."""
        await until(lambda: {row.key for row in self.rows() if row.status} >= set(keys))
        return {row.key: row for row in self.rows()}

    def rows(self) -> list[Upload]:
        return rows(self.folder)

    def file(self, name: str = "test_0.mp4") -> bytes:
        return (self.folder / f"{name}.csv").read_bytes()

    @property
    def received(self) -> float:
        return self.vitals.figure("objects_found_total", bucket="output")

    @property
    def rejected(self) -> float:
        return self.vitals.figure("objects_rejected_total", bucket="output")
