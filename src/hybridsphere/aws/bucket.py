"""One S3 bucket: its listing and its objects."""

import asyncio
import hashlib
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hybridsphere.aws.errors import Refused, Unavailable, failures, readable
from hybridsphere.messages import MOST_CSV_BYTES, is_folder, utc_text

_MD5 = re.compile("[0-9a-f]{32}")

READS = 16
"""Objects of a bucket that are read at once."""

NOBODY = "_hybridsphere/nobody"
"""The key of an object that no bucket has."""

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it: ETag unquoted, time as `utc_text`, size in bytes."""

    key: str
    etag: str
    last_modified: str
    size: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object as it was read. `doubtful`: its ETag looks like an MD5 digest of other content."""

    metadata: dict[str, str]
    content: bytes
    doubtful: bool


class Bucket:
    """One S3 bucket."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client = client
        # A wait in the client's own line would count towards the time-outs of a call.
        self._reads = asyncio.Semaphore(READS)
        self.name = name

    async def pages(self) -> AsyncIterator[list[Listed]]:
        """Yield all objects in the order of their keys, up to 1,000 a page, without folders."""
        more: dict[str, str] | None = {}
        while more is not None:
            page, more = await self._page(**more)
            yield page

    async def get(self, listed: Listed) -> Fetched:
        """Read a listed object, after those that wait already.

        Raises Refused if it has been replaced or is larger than any CSV, Unavailable if the answer
        is another object's or incomplete.
        """
        async with self._reads:
            return await self._get(listed)

    async def _get(self, listed: Listed) -> Fetched:
        etag = f'"{listed.etag}"'
        with failures("GetObject"), readable():
            answer = await self._client.get_object(Bucket=self.name, Key=listed.key, IfMatch=etag)
            async with answer["Body"] as body:
                # A proxy's page would pass for content; S3 alone knows the ETag.
                if answer["ETag"].strip('"') != listed.etag:
                    raise ValueError(f"ETag {answer['ETag']} for {etag}")
                length = answer["ContentLength"]
                if length != listed.size:
                    raise ValueError(f"{length} bytes of {listed.size}")
                if length > MOST_CSV_BYTES:
                    size = f"{length} bytes, more than {MOST_CSV_BYTES}"
                    raise Refused(f"GetObject: {size}", "EntityTooLarge")
                content = await body.read()
        if len(content) != listed.size:
            raise Unavailable(f"GetObject: {len(content)} bytes of {listed.size}")
        doubtful = _is_digest(listed.etag, answer) and _md5(content) != listed.etag
        return Fetched(dict(answer["Metadata"]), content, doubtful)

    async def read(self, key: str, most_bytes: int) -> Fetched:
        """Read the object that has a key now, after those that wait already.

        Raises Refused if it does not exist or has more than `most_bytes`, Unavailable if the answer
        is incomplete.
        """
        async with self._reads:
            with failures("GetObject"), readable():
                answer = await self._client.get_object(Bucket=self.name, Key=key)
                async with answer["Body"] as body:
                    etag, length = answer["ETag"].strip('"'), answer["ContentLength"]
                    if length > most_bytes:
                        size = f"{length} bytes, more than {most_bytes}"
                        raise Refused(f"GetObject: {size}", "EntityTooLarge")
                    content = await body.read()
        if len(content) != length:
            raise Unavailable(f"GetObject: {len(content)} bytes of {length}")
        doubtful = _is_digest(etag, answer) and _md5(content) != etag
        return Fetched(dict(answer["Metadata"]), content, doubtful)

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
                Listed(
                    item["Key"],
                    item["ETag"].strip('"'),
                    utc_text(item["LastModified"]),
                    item["Size"],
                )
                for item in answer.get("Contents", [])
                if not is_folder(item["Key"], item.get("Size"))
            ]
            # S3 always sends this field; a proxy's page must not pass for an empty bucket.
            if not answer["IsTruncated"]:
                return page, None
            return page, {"ContinuationToken": answer["NextContinuationToken"]}


def _is_digest(etag: str, answer: Mapping[str, Any]) -> bool:
    """Tell whether an ETag may be the MD5 of the content: not with keys of KMS or of a customer."""
    encrypted = answer.get("SSECustomerAlgorithm") or "kms" in answer.get(
        "ServerSideEncryption", ""
    )
    return not encrypted and _MD5.fullmatch(etag) is not None


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
