"""From the output bucket's listing to the disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from hybridsphere.aws import Bucket, Listed, Refused
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.messages import BadMessage, Result, parse_output, result_of_object

FAILURE_RECORDS = "aws/lambda/async/"
"""Where Lambda puts its on-failure records in a bucket (AWS Lambda developer guide, "Capturing
records of Lambda asynchronous invocations")."""

_REPLACED = {"PreconditionFailed", "NoSuchKey", "412", "404"}

log = structlog.get_logger()


@dataclass
class Mirror:
    """What the watcher of the output bucket asks and does."""

    output: Bucket
    input_bucket: str
    store: ResultStore
    metrics: Metrics
    health: Health

    async def new(self, page: Sequence[Listed]) -> list[Listed]:
        """The objects that were not fetched as they stand."""
        return await self.store.unmirrored(self._way, page)

    async def handle(self, listed: Listed) -> None:
        """Fetch an object and store what it says; one that is nobody's result is set aside."""
        try:
            await self.store.put(self._results(listed, *await self._get(listed)))
            self.health.note_success("output objects")
        except Refused as error:
            if error.code not in _REPLACED:
                raise
            return  # A newer one is in the next listing.
        except BadMessage as error:
            self.metrics.objects_rejected.labels("output").inc()
            reason = str(error)
            self.health.note_failure("output objects", listed.key, reason)
            log.warning("object.rejected", bucket=self.output.name, key=listed.key, reason=reason)
        await self.store.note_mirrored(self._way, listed)

    @property
    def _way(self) -> str:
        """What has been seen is noted for both buckets: another input bucket's are no foreigners
        once that is the one that is served.
        """
        return f"{self.output.name} for {self.input_bucket}"

    async def _get(self, listed: Listed) -> tuple[dict[str, str], bytes]:
        """An object's metadata and content; BadMessage for one that is larger than any of ours."""
        try:
            return await self.output.get(listed)
        except Refused as error:
            if error.code != "EntityTooLarge":
                raise
            raise BadMessage(str(error)) from error

    def _results(self, listed: Listed, metadata: dict[str, str], content: bytes) -> list[Result]:
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise BadMessage(f"not UTF-8: {error}") from error
        if listed.key.startswith(FAILURE_RECORDS):
            results = parse_output(text)
        else:
            results = [result_of_object(self.output.name, listed.key, metadata, text)]
        foreign = {result.bucket for result in results} - {self.input_bucket}
        if foreign:
            raise BadMessage(f"bucket is {', '.join(sorted(foreign))}, not {self.input_bucket}")
        return results
