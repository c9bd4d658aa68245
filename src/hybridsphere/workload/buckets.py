"""Whole buckets: what is in one, and how to empty it. A bucket may hold more than fits a page."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from hybridsphere.aws import AwsError
from hybridsphere.aws.one_shot import concerning

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


async def list_keys(s3: "S3Client", bucket: str) -> set[str]:
    """The keys of all objects in a bucket."""
    return {key async for page in _pages(s3, bucket) for key in page}


async def is_empty(s3: "S3Client", bucket: str) -> bool:
    with concerning(f"bucket {bucket}"):
        answer = await s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
    return not answer.get("Contents")


async def empty_bucket(s3: "S3Client", bucket: str) -> None:
    """Delete every object of a bucket; raises AwsError for the first that cannot be."""
    async for keys in _pages(s3, bucket):
        with concerning(f"bucket {bucket}"):
            answer = await s3.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        for error in answer.get("Errors", []):
            raise AwsError(f"{error['Key']!r} cannot be deleted from {bucket}: {error['Message']}")


async def _pages(s3: "S3Client", bucket: str) -> AsyncIterator[list[str]]:
    with concerning(f"bucket {bucket}"):
        async for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            if keys := [item["Key"] for item in page.get("Contents", [])]:
                yield keys
