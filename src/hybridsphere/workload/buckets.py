"""Whole buckets: list and empty them. A bucket may hold more objects than fit a page."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from hybridsphere.aws import AwsError
from hybridsphere.aws.one_shot import REFUSAL, code_of, concerning

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_DELETIONS = 16
"""Objects that are deleted at once where the server refuses batches."""

_MOST_ROUNDS = 10
"""How often a listing may show the same objects again after they were deleted."""

_PAUSE_S = 0.5
"""A listing may lag behind the deletions, as Swift's does."""


async def list_keys(s3: "S3Client", bucket: str) -> set[str]:
    """Return the keys of all objects in a bucket."""
    return {key async for page in _pages(s3, bucket) for key in page}


async def is_empty(s3: "S3Client", bucket: str) -> bool:
    with concerning(f"bucket {bucket}"):
        answer = await s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
    return not answer.get("Contents")


async def empty_bucket(s3: "S3Client", bucket: str) -> None:
    """Delete objects until the listing of the bucket is empty.

    Raises AwsError for the first object that cannot be deleted, and where deleted objects stay in
    the listing.
    """
    in_batches = True
    deleted: set[str] = set()
    stale = 0
    # Always the first page: not every server continues a listing whose objects are deleted.
    while keys := await _first_page(s3, bucket):
        stale = stale + 1 if deleted.issuperset(keys) else 0
        if stale > _MOST_ROUNDS:
            raise AwsError(f"{bucket} still lists {keys[0]!r} after it was deleted")
        if stale:
            await asyncio.sleep(_PAUSE_S)
        in_batches = in_batches and await _delete_batch(s3, bucket, keys)
        if not in_batches:
            await _delete_singly(s3, bucket, keys)
        deleted.update(keys)


async def _delete_batch(s3: "S3Client", bucket: str, keys: Sequence[str]) -> bool:
    """Delete up to 1,000 objects; returns whether the server takes batches at all."""
    with concerning(f"bucket {bucket}"):
        try:
            answer = await s3.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        except REFUSAL as error:
            if code_of(error) in {"AccessDenied", "NoSuchBucket"}:
                raise
            return False
    for failed in answer.get("Errors", []):
        raise AwsError(f"{failed['Key']!r} cannot be deleted from {bucket}: {failed['Message']}")
    return True


async def _delete_singly(s3: "S3Client", bucket: str, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), _DELETIONS):
        with concerning(f"bucket {bucket}"):
            await asyncio.gather(
                *(s3.delete_object(Bucket=bucket, Key=key) for key in keys[start:][:_DELETIONS])
            )


async def _first_page(s3: "S3Client", bucket: str) -> list[str]:
    with concerning(f"bucket {bucket}"):
        answer = await s3.list_objects_v2(Bucket=bucket)
    return [item["Key"] for item in answer.get("Contents", [])]


async def _pages(s3: "S3Client", bucket: str) -> AsyncIterator[list[str]]:
    with concerning(f"bucket {bucket}"):
        async for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            if keys := [item["Key"] for item in page.get("Contents", [])]:
                yield keys
