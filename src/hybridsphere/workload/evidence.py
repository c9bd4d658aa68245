"""The evidence for the checks: the manifest, the ledger, both buckets, both queues."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hybridsphere.aws.one_shot import client, concerning
from hybridsphere.ledger.ledger import Ledger, Upload, ledger_path, newest
from hybridsphere.messages import csv_key
from hybridsphere.settings import Settings
from hybridsphere.workload.buckets import list_keys
from hybridsphere.workload.manifest import Manifest

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sqs import SQSClient

CONCURRENCY = 16
"""Objects read at once."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Messages in a queue; both figures are SQS's approximations."""

    name: str
    visible: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class CsvObject:
    """An object of the output bucket, with its metadata."""

    content: bytes
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Evidence:
    """The state of ledger, buckets and queues.

    `rows` are the ledger's rows that count, `csv_objects` the CSVs in the output bucket. Both are
    by the video's key.
    """

    settings: Settings
    manifest: Manifest
    rows: Mapping[str, list[Upload]]
    input_keys: frozenset[str]
    output_keys: frozenset[str]
    csv_objects: Mapping[str, CsvObject]
    queues: tuple[QueueDepth, ...]
    workers: int | None
    """How many videos the function may work on at once; None if unknown."""

    @cached_property
    def results(self) -> dict[str, Upload]:
        """The newest version of each upload that has a result."""
        return newest_results(self.rows)


async def gather(settings: Settings, manifest: Manifest, workers: int | None) -> Evidence:
    """Gather the evidence; raises AwsError if a call is refused."""
    async with client("s3", connections=CONCURRENCY) as s3:
        output_keys = await list_keys(s3, manifest.output_bucket)
        ours = {key: csv_key(key) for key in manifest.keys if csv_key(key) in output_keys}
        input_keys = await list_keys(s3, manifest.input_bucket)
        csv_objects = await _csv_objects(s3, manifest.output_bucket, ours)
    async with client("sqs") as sqs:
        queues = await queue_depths(sqs, settings)
    return Evidence(
        settings=settings,
        manifest=manifest,
        rows=await asyncio.to_thread(rows_that_count, settings.results_dir, manifest),
        input_keys=frozenset(input_keys),
        output_keys=frozenset(output_keys),
        csv_objects=csv_objects,
        queues=queues,
        workers=workers,
    )


def rows_that_count(results_dir: Path, manifest: Manifest) -> dict[str, list[Upload]]:
    """Return the rows of the manifest's uploads that were first written after its start, by key."""
    rows: dict[str, list[Upload]] = defaultdict(list)
    if not ledger_path(results_dir).exists():
        return rows
    keys = manifest.keys
    with Ledger.read(results_dir) as ledger:
        for row in ledger.uploads(since=manifest.begun_at):
            if row.bucket == manifest.input_bucket and row.key in keys:
                rows[row.key].append(row)
    return rows


async def queue_depths(sqs: "SQSClient", settings: Settings) -> tuple[QueueDepth, ...]:
    """Return the depths of the queues that this source and sink use."""
    choices = {"input": settings.source, "output": settings.sink}
    used = {name: f"{name}_queue_url" for name, choice in choices.items() if choice == "queue"}
    settings.require(*used.values())
    return tuple([await _depth(sqs, name, settings.need(url)) for name, url in used.items()])


def newest_results(rows: Mapping[str, Iterable[Upload]]) -> dict[str, Upload]:
    """Choose each key's newest version that has a result."""
    ended = {key: newest(row for row in versions if row.status) for key, versions in rows.items()}
    return {key: row for key, row in ended.items() if row}


async def _csv_objects(
    s3: "S3Client", bucket: str, keys: Mapping[str, str]
) -> dict[str, CsvObject]:
    """Read the objects at some keys, each under the name that it is given for."""
    objects: dict[str, CsvObject] = {}

    async def fetch(waiting: Iterable[tuple[str, str]]) -> None:
        for name, key in waiting:
            with concerning(f"bucket {bucket}"):
                answer = await s3.get_object(Bucket=bucket, Key=key)
                objects[name] = CsvObject(await answer["Body"].read(), answer["Metadata"])

    waiting = iter(keys.items())
    await asyncio.gather(*(fetch(waiting) for _ in range(CONCURRENCY)))
    return objects


async def _depth(sqs: "SQSClient", name: str, url: str) -> QueueDepth:
    visible: Final = "ApproximateNumberOfMessages"
    in_flight: Final = "ApproximateNumberOfMessagesNotVisible"
    with concerning(f"queue {url}"):
        answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[visible, in_flight])
    found = answer["Attributes"]
    return QueueDepth(name, visible=int(found[visible]), in_flight=int(found[in_flight]))
