"""One S3 bucket: its listing and its objects."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from hybridsphere.aws.errors import Refused, failures, readable
from hybridsphere.messages import MOST_CSV_BYTES, is_folder, utc_text

NOBODY = "_hybridsphere/nobody"
"""The key of an object that no bucket has."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a listing; the ETag without quotes, the time as `utc_text` writes it."""

    key: str
    etag: str
    last_modified: str


class Bucket:
    """One S3 bucket."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    async def pages(self) -> AsyncIterator[list[Listed]]:
        """Yield all objects in the order of their keys, up to 1,000 a page, without folders."""
        more: dict[str, str] | None = {}
        while more is not None:
            page, more = await self._page(**more)
            yield page

    async def get(self, listed: Listed) -> tuple[dict[str, str], bytes]:
        """Return the metadata and the content of a listed object.

        Raises Refused if it was replaced, or is larger than any CSV.
        """
        etag = f'"{listed.etag}"'
        with failures("GetObject"), readable():
            answer = await self._client.get_object(Bucket=self.name, Key=listed.key, IfMatch=etag)
            async with answer["Body"] as body:
                # A proxy's page would pass for content; S3 alone knows the ETag.
                if answer["ETag"] != etag:
                    raise ValueError(f"ETag {answer['ETag']} for {etag}")
                if answer["ContentLength"] > MOST_CSV_BYTES:
                    size = f"{answer['ContentLength']} bytes, more than {MOST_CSV_BYTES}"
                    raise Refused(f"GetObject: {size}", "EntityTooLarge")
                return dict(answer["Metadata"]), await body.read()

    async def probe(self) -> None:
        """Fail as a listing would if the bucket does not exist or may not be listed."""
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
        """Return a page of the listing, and the arguments for the next one, if any."""
        with failures("ListObjectsV2"), readable():
            answer = await self._client.list_objects_v2(Bucket=self.name, **call)
            page = [
                Listed(item["Key"], item["ETag"].strip('"'), utc_text(item["LastModified"]))
                for item in answer.get("Contents", [])
                if not is_folder(item["Key"], item.get("Size"))
            ]
            # S3 always sends this field; a proxy's page must not pass for an empty bucket.
            if not answer["IsTruncated"]:
                return page, None
            return page, {"ContinuationToken": answer["NextContinuationToken"]}
