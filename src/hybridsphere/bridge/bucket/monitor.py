"""Uploads from the input bucket's listing to the function."""

from collections.abc import Sequence
from dataclasses import dataclass

from hybridsphere.aws import Listed
from hybridsphere.bridge.invoker import Invoker
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.messages import S3Record


@dataclass
class Monitor:
    """The questions and actions of the input bucket's watcher."""

    bucket: str
    store: ResultStore
    invoker: Invoker

    async def new(self, page: Sequence[Listed]) -> list[Listed]:
        """Choose the objects for which the function was not invoked."""
        found = {self._record(listed): listed for listed in page}
        return [found[record] for record in await self.store.undone(list(found))]

    async def handle(self, listed: Listed) -> None:
        """Invoke the function for an object."""
        await self.invoker.invoke(self._record(listed))

    def _record(self, listed: Listed) -> S3Record:
        # A listing has no sequencer: ETag and time make the version.
        return S3Record(self.bucket, listed.key, listed.etag, None, listed.last_modified)
