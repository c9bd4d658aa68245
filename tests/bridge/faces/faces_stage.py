"""An output bucket with faces, and a collector that brings them into a memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hybridsphere.aws import Aws, Bucket
from hybridsphere.bridge.faces.collector import FacesCollector
from hybridsphere.bridge.faces.fetcher import Fetcher
from hybridsphere.bridge.faces.keeper import Keeper
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.memory.face import Face
from hybridsphere.memory.memory import Memory, memory_path
from hybridsphere.messages import Result, faces_key
from tests.bridge.bridge_stage import RealBucket, Vitals, storing
from tests.memory.evidence_stage import evidence_object, face
from tests.proxy import Proxy
from tests.samples import result
from tests.stage import client_of, until


class OneClient:
    """The clients of a bridge, of which only that of S3 is there."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def bucket(self, name: str) -> Bucket:
        return Bucket(self._client, name)


@dataclass
class FacesSite:
    """An output bucket of the server `moto`, and the folder of the results and the memory."""

    moto: str
    output: RealBucket
    folder: Path
    vitals: Vitals

    def of(self, key: str = "test_0.mp4", **more: Any) -> Result:
        """A result whose faces are in this output bucket."""
        fields = {"output_bucket": self.output.name, "faces_key": faces_key(key), "faces": 1}
        return result(key, **{**fields, **more})

    async def put(self, *keys: str, content: bytes | None = None, **more: Any) -> None:
        """Write objects with one face each, as the function does."""
        for key in keys:
            found = evidence_object(face(), key=key, **more) if content is None else content
            await self.output.put(faces_key(key), found)

    @asynccontextmanager
    async def collecting(
        self, *, client: Any = None, configured: str | None = None
    ) -> AsyncIterator[ResultStore]:
        """A store and a collector at work; `client` is its way to S3."""
        aws = cast(Aws, OneClient(client or self.output.client))
        keeper = Keeper(self.folder, keep_unknown_days=14, keep_faces_days=180)
        async with storing(self.folder, self.vitals) as store:
            collector = FacesCollector(
                store,
                Fetcher(aws, configured),
                keeper,
                health=self.vitals.health,
                metrics=self.vitals.metrics,
            )
            work = asyncio.create_task(collector.run())
            try:
                yield store
            finally:
                if not work.done():
                    work.cancel()
                with suppress(asyncio.CancelledError):
                    await work

    @asynccontextmanager
    async def proxied(self) -> AsyncIterator[tuple[Proxy, Any]]:
        """A proxy before S3, and a client that calls through it."""
        async with Proxy(self.moto) as proxy, client_of("s3", proxy.endpoint) as client:
            yield proxy, client

    async def settled(self) -> None:
        """Return once no debt is left."""
        async with asyncio.timeout(10):
            await until(lambda: self.due() == 0)

    def due(self) -> int:
        with Ledger.read(self.folder) as ledger:
            return ledger.count_due()

    def rows(self) -> dict[str, Upload]:
        with Ledger.read(self.folder) as ledger:
            return {row.key: row for row in ledger.uploads()}

    def faces(self) -> list[Face]:
        if not memory_path(self.folder).exists():
            return []
        with Memory.read(self.folder) as memory:
            return memory.find(most=10_000)
