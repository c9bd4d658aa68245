"""One S3 bucket, as its listing shows it."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from hybridsphere.aws.errors import Refused, failures, readable
from hybridsphere.messages import MOST_CSV_BYTES, utc_text

NOBODY = "_hybridsphere/nobody"
"""The key of an object that no bucket has."""


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
        more: dict[str, str] | None = {}
        while more is not None:
            page, more = await self._page(**more)
            yield page

    async def get(self, listed: Listed) -> tuple[dict[str, str], bytes]:
        """The metadata and the content of a listed object; Refused if it has been replaced,
        or is larger than any CSV.
        """
        etag = f'"{listed.etag}"'
        with failures("GetObject"), readable():
            answer = await self._client.get_object(Bucket=self.name, Key=listed.key, IfMatch=etag)
            async with answer["Body"] as body:
                # Any page of a proxy's is content: S3 alone knows what was asked for.
                if answer["ETag"] != etag:
                    raise ValueError(f"ETag {answer['ETag']} for {etag}")
                if answer["ContentLength"] > MOST_CSV_BYTES:
                    size = f"{answer['ContentLength']} bytes, more than {MOST_CSV_BYTES}"
                    raise Refused(f"GetObject: {size}", "EntityTooLarge")
                return dict(answer["Metadata"]), await body.read()

    async def probe(self) -> None:
        """Fail as any listing would if the bucket is not there or may not be listed."""
        await self._page(MaxKeys=1)

    async def probe_conditional_write(self) -> None:
        """Ask for a write whose condition never holds: Refused, unless the bucket ignores that.

        The digest is wrong as well, so a bucket that ignores the condition still stores nothing.
        """
        digest = b64encode(bytes(16)).decode()
        with failures("PutObject"):
            await self._client.put_object(
                Bucket=self.name, Key=NOBODY, Body=b"", IfMatch='"none"', ContentMD5=digest
            )

    async def _page(self, **call: Any) -> tuple[list[Listed], dict[str, str] | None]:
        """A page of the listing, and what asks for the next, if there is one."""
        with failures("ListObjectsV2"), readable():
            answer = await self._client.list_objects_v2(Bucket=self.name, **call)
            page = [
                Listed(item["Key"], item["ETag"].strip('"'), utc_text(item["LastModified"]))
                for item in answer.get("Contents", [])
            ]
            # S3 always says so; a page of a proxy's is no empty bucket.
            if not answer["IsTruncated"]:
                return page, None
            return page, {"ContinuationToken": answer["NextContinuationToken"]}
