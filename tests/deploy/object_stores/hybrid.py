"""A hybrid whose videos and results never leave a private object store."""

import os
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiobotocore.session import get_session

from hybridsphere.demo import clips
from hybridsphere.demo.bridge import running_bridge
from hybridsphere.local import resources
from hybridsphere.local.account import LocalAccount
from tests.deploy.object_stores.store import ObjectStore
from tests.leaks import function_log
from tests.pipeline.pipeline_stage import Pipeline


@dataclass
class Hybrid(Pipeline):
    """The whole way with source `bucket` and sink `bucket`; S3 is the store, the rest is local."""

    store: ObjectStore
    function_log: Path

    @asynccontextmanager
    async def client(self, service: str) -> AsyncIterator[Any]:
        assert service == "s3", "queues have no part in this"
        async with client_of(self.store) as s3:
            yield s3

    @property
    def output_bucket(self) -> str:
        return self.environment["HYBRIDSPHERE_OUTPUT_BUCKET"]

    async def csv_object(self, key: str) -> bytes:
        """The CSV in the output bucket of the store."""
        async with self.client("s3") as s3:
            answer = await s3.get_object(Bucket=self.output_bucket, Key=f"{key}.csv")
            content: bytes = await answer["Body"].read()
            return content


def client_of(store: ObjectStore) -> Any:
    return get_session().create_client(
        "s3",
        region_name=resources.REGION,
        endpoint_url=store.endpoint,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
    )


@asynccontextmanager
async def hybrid(
    folder: Path, gallery: Path, store: ObjectStore, settings: Mapping[str, str]
) -> AsyncIterator[Hybrid]:
    """Both buckets in the store, the function and a bridge; all that is left is in `folder`.

    `settings` are further variables of function, bridge and commands.
    """
    students = folder / "students.json"
    clips.write_students(students)
    buckets = {"INPUT": f"videos-{uuid.uuid4()}", "OUTPUT": f"results-{uuid.uuid4()}"}
    variables = {
        **store.environment(),
        **{f"HYBRIDSPHERE_{name}_BUCKET": bucket for name, bucket in buckets.items()},
        **settings,
    }
    async with client_of(store) as s3:
        for bucket in buckets.values():
            await s3.create_bucket(Bucket=bucket)
    with function_log(folder) as log:
        async with LocalAccount(
            gallery=gallery,
            workers=1,
            log=log,
            source="bucket",
            sink="bucket",
            function=replace(resources.FUNCTION, environment=variables),
        ) as account:
            environment = {
                **os.environ,
                **account.environment(),
                **variables,
                "HYBRIDSPHERE_RESULTS_DIR": str(folder / "results"),
                "HYBRIDSPHERE_HTTP": "",
            }
            async with running_bridge(environment, folder / "bridge.log") as bridge:
                made = Hybrid(
                    account=account,
                    bridge=bridge,
                    environment=environment,
                    results=folder / "results",
                    store=store,
                    function_log=folder / "function.log",
                )
                await made.run("students", "load", str(students))
                yield made
                assert await bridge.stop(within_s=30) == 0
