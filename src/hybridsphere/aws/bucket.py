"""One S3 bucket, as its listing shows it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from hybridsphere.aws.failures import Refused, failures
from hybridsphere.messages import utc_text

MOST_BYTES = 10_000_000
"""A CSV of a hundred thousand people; larger objects are not read."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a bucket's listing shows it; the ETag unquoted, the time as `utc_text`."""

    key: str
    etag: str
    last_modified: str


class Bucket:
    """One S3 bucket."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    async def pages(self) -> AsyncIterator[list[Listed]]:
        """All objects in the order of their keys, up to 1,000 a page."""
        more: dict[str, str] = {}
        while True:
            with failures("ListObjectsV2"):
                answer = await self._client.list_objects_v2(Bucket=self.name, **more)
            yield [
                Listed(item["Key"], item["ETag"].strip('"'), utc_text(item["LastModified"]))
                for item in answer.get("Contents", [])
            ]
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    async def get(self, listed: Listed) -> tuple[dict[str, str], bytes]:
        """The metadata and the content of a listed object; Refused if it has been replaced,
        or is larger than any CSV.
        """
        with failures("GetObject"):
            answer = await self._client.get_object(
                Bucket=self.name, Key=listed.key, IfMatch=f'"{listed.etag}"'
            )
            if answer["ContentLength"] > MOST_BYTES:
                answer["Body"].close()
                raise Refused(f"GetObject: {answer['ContentLength']} bytes", "EntityTooLarge")
            return dict(answer["Metadata"]), await answer["Body"].read()

    async def probe(self) -> None:
        """Fail as any listing would if the bucket is not there or may not be listed."""
        with failures("ListObjectsV2"):
            await self._client.list_objects_v2(Bucket=self.name, MaxKeys=1)
