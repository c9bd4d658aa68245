"""One object with faces, from the output bucket."""

import re

from hybridsphere.aws import Aws, Bucket, Fetched, Refused
from hybridsphere.bridge.faces.arrival import GONE, Unkept
from hybridsphere.ledger.debts import Debt
from hybridsphere.memory.archive import MOST_BYTES

_GONE = {"NoSuchKey", "404"}

_BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,63}")


class Fetcher:
    """The output bucket, as far as results may name it.

    Without a configured bucket, each result names its own. With one, a result that names another
    is refused: a forged message must not choose what the bridge reads.
    """

    def __init__(self, aws: Aws, output_bucket: str | None) -> None:
        self._aws = aws
        self._configured = output_bucket
        self._bucket: Bucket | None = None

    async def fetch(self, debt: Debt) -> Fetched | Unkept:
        """Read a debt's object. Raises AwsError for a failure that may pass."""
        name = self._configured or debt.output_bucket
        if name is None or debt.faces_key is None:
            return Unkept.refused("the result names no bucket")
        if self._configured and debt.output_bucket not in {None, self._configured}:
            return Unkept.refused(f"the bucket is {debt.output_bucket}, not {self._configured}")
        if not _BUCKET_NAME.fullmatch(name):
            return Unkept.refused("the result names no bucket that can exist")
        try:
            return await self._named(name).read(debt.faces_key, MOST_BYTES)
        except Refused as error:
            if error.code in _GONE:
                return Unkept(GONE)
            if error.code == "EntityTooLarge":
                return Unkept.refused(str(error))
            raise

    def _named(self, name: str) -> Bucket:
        if self._bucket is None or self._bucket.name != name:
            self._bucket = self._aws.bucket(name)
        return self._bucket
