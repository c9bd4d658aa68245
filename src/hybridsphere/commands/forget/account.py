"""A person in the account: CSV and evidence objects, galleries and the students' table."""

import io
import zipfile
from base64 import b64decode
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hybridsphere.aws.one_shot import REFUSAL, client, code_of, concerning
from hybridsphere.commands.forget.trace import Trace
from hybridsphere.ledger.forgetting import csv_without
from hybridsphere.messages import is_faces_key
from hybridsphere.recognition.gallery import Gallery, GalleryError

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_MOST_BYTES = 4 * 2**20
"""Larger objects are neither CSV nor evidence."""

_NO_VERSION = "null"

_CSV_PEOPLE = "people"
"""The metadata that name the runner-up of each person."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object; `id` is `null` for objects without versions."""

    key: str
    id: str
    latest: bool
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """A version that has the person."""

    bucket: str
    version: Version


class Account:
    """The buckets of one account, and one person in them.

    `faces_keys` are the evidence objects of videos that show the person, by name or not.
    """

    def __init__(self, s3: "S3Client", trace: Trace, faces_keys: Collection[str] = ()) -> None:
        self._s3 = s3
        self._trace = trace
        self._faces_keys = faces_keys
        self.searched = 0

    async def find(self, bucket: str, prefix: str = "") -> list[Found]:
        """Read every object in every version, and return those that have the person."""
        return [
            Found(bucket, version)
            async for version in self._versions(bucket, prefix)
            if version.key in self._faces_keys
            or (version.size <= _MOST_BYTES and await self._has(bucket, version))
        ]

    async def forget(self, found: Found) -> None:
        """Delete evidence, and a CSV object once it is written without the name.

        Other objects are not ours, and stay.
        """
        bucket, version = found.bucket, found.version
        is_csv = version.key.endswith(".csv")
        if not is_csv and not is_faces_key(version.key):
            return
        if is_csv and version.latest:
            new = await self._rewrite(bucket, version)
            if new == version.id:
                # A bucket without versions: the new object has replaced the old one.
                return
        await self.delete_version(found)

    async def delete_version(self, found: Found) -> None:
        """Delete a version for good."""
        with concerning(f"s3://{found.bucket}/{found.version.key}"):
            await self._s3.delete_object(
                Bucket=found.bucket, Key=found.version.key, VersionId=found.version.id
            )

    async def gallery_versions(self, bucket: str, key: str) -> AsyncIterator[tuple[Found, Gallery]]:
        """Go through the readable versions of a gallery that have the person."""
        async for version in self._versions(bucket, key):
            if version.key != key:
                continue
            content, _, _ = await self._read(bucket, version)
            self.searched += 1
            with suppress(GalleryError):
                known = Gallery.read(io.BytesIO(content), f"s3://{bucket}/{key}")
                if set(known.names) & set(self._trace.names):
                    yield Found(bucket, version), known

    async def _versions(self, bucket: str, prefix: str) -> AsyncIterator[Version]:
        pages = self._s3.get_paginator("list_object_versions")
        with concerning(f"bucket {bucket}"):
            async for page in pages.paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Versions", []):
                    yield Version(
                        item["Key"],
                        item.get("VersionId") or _NO_VERSION,
                        bool(item.get("IsLatest", True)),
                        int(item.get("Size", 0)),
                    )

    async def _has(self, bucket: str, version: Version) -> bool:
        try:
            content, metadata, _ = await self._read(bucket, version)
        except REFUSAL as error:
            if code_of(error) in {"NoSuchKey", "NoSuchVersion", "404"}:
                return False
            raise
        self.searched += 1
        if any(map(self._in_metadata, metadata.values())):
            return True
        if not content.startswith(b"PK"):
            return self._trace.in_bytes(content)
        with (
            suppress(zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError),
            zipfile.ZipFile(io.BytesIO(content)) as archive,
        ):
            names = [name for name in archive.namelist() if not _pictures(name)]
            return any(self._trace.in_bytes(archive.read(name)) for name in names)
        return False

    def _in_metadata(self, value: str) -> bool:
        decoded = b""
        with suppress(ValueError):
            decoded = b64decode(value, validate=True)
        return self._trace.name_in_bytes(value.encode()) or self._trace.name_in_bytes(decoded)

    async def _read(self, bucket: str, version: Version) -> tuple[bytes, dict[str, str], str]:
        """Return content, metadata and ETag."""
        answer = await self._s3.get_object(Bucket=bucket, Key=version.key, **_of(version))
        async with answer["Body"] as body:
            return await body.read(), dict(answer["Metadata"]), answer["ETag"]

    async def _rewrite(self, bucket: str, version: Version) -> str:
        """Write a CSV without the name; returns the id of the new version."""
        content, metadata, etag = await self._read(bucket, version)
        text = csv_without(content.decode(), self._trace.names)
        kept = {name: value for name, value in metadata.items() if name.lower() != _CSV_PEOPLE}
        with concerning(f"s3://{bucket}/{version.key}"):
            answer = await self._s3.put_object(
                Bucket=bucket,
                Key=version.key,
                Body=text.encode(),
                Metadata=kept,
                ContentType="text/csv; charset=utf-8",
                IfMatch=etag,
            )
        return answer.get("VersionId") or _NO_VERSION


def _of(version: Version) -> dict[str, Any]:
    """Return the argument that names a version."""
    # A bucket that got versions later keeps what was there under this name; others may not know it.
    return {} if version.id == _NO_VERSION and version.latest else {"VersionId": version.id}


def _pictures(name: str) -> bool:
    # Letters of a short name occur in pictures by chance.
    return name.endswith(".jpg")


async def student_records(table: str, trace: Trace, *, delete: bool) -> int:
    """Count the person's records in the table of students, and delete them if asked to."""
    count = 0
    async with client("dynamodb") as dynamodb:
        for name in trace.names:
            with concerning(f"table {table}"):
                key = {"name": {"S": name}}
                answer = await dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
                if "Item" not in answer:
                    continue
                count += 1
                if delete:
                    await dynamodb.delete_item(TableName=table, Key=key)
    return count
