"""Uploads whose results the output bucket cannot show any more."""

from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.messages import OVERTAKEN, Result


async def end_overtaken(store: ResultStore, bucket: str, key: str) -> None:
    """End every invoked upload of a key as `failed`, if a newer one has its result.

    Both have the same CSV object, which stays that of the newer one. If a listing shows the older
    result later, it replaces `failed`.
    """
    if overtaken := await store.overtaken(bucket, key):
        await store.put([Result.failed(record, OVERTAKEN) for record in overtaken])
