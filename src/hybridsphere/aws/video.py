"""A video in a bucket, read by ranges."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hybridsphere.aws import one_shot
from hybridsphere.aws.errors import failures

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of a video: `length` in bytes, `content_range` as HTTP has it, None for all."""

    body: Any
    length: int
    content_range: str | None

    async def read(self, most: int) -> bytes:
        """Read the next bytes, none at the end. Raises AwsError."""
        with failures("GetObject"):
            return bytes(await self.body.read(most))


class VideoReader:
    """Reads videos with the credentials of this process."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    @asynccontextmanager
    async def open(
        self, bucket: str, key: str, etag: str, byte_range: str | None
    ) -> AsyncIterator[Piece]:
        """Open one version of a video; `byte_range` is a value of the header Range.

        Raises AwsError where it has gone, has been replaced or may not be read.
        """
        wanted: Any = {"Range": byte_range} if byte_range else {}
        with failures("GetObject"):
            answer = await self._client.get_object(
                Bucket=bucket, Key=key, IfMatch=f'"{etag}"', **wanted
            )
        async with answer["Body"] as body:
            yield Piece(body, answer["ContentLength"], answer.get("ContentRange"))


@asynccontextmanager
async def reading_videos(connections: int) -> AsyncIterator[VideoReader]:
    """Yield a reader for this many videos at once.

    Raises ConfigurationError where there are no credentials, CannotRunNow where their source fails.
    """
    async with one_shot.client("s3", connections=connections) as client:
        yield VideoReader(client)
