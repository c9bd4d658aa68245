"""Results from the output bucket's listing to the disk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from hybridsphere.aws import Bucket, Fetched, Listed, Refused, Unavailable
from hybridsphere.bridge.bucket.overtaken import end_overtaken
from hybridsphere.bridge.pacing.backoff import Backoff
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.messages import BadMessage, Result, is_faces_key, parse_output, result_of_object

WITNESSES = 3
"""Equal answers before a doubtful object counts for good."""

_REPLACED = {"PreconditionFailed", "NoSuchKey", "412", "404"}

log = structlog.get_logger()


@dataclass
class Mirror:
    """The questions and actions of the output bucket's watcher."""

    output: Bucket
    input_bucket: str
    store: ResultStore
    metrics: Metrics
    health: Health
    set_aside: Callable[[Listed], bool] = lambda _: True
    """Free the room of an object that waits for a blocked place; False if too many wait."""

    async def new(self, page: Sequence[Listed]) -> list[Listed]:
        """Choose the results that were not fetched as they stand; faces are none."""
        results = [listed for listed in page if not is_faces_key(listed.key)]
        return await self.store.unmirrored(self._pair, results)

    async def handle(self, listed: Listed) -> None:
        """Fetch an object and store its results; set aside an object that has none for us."""
        try:
            results = await self._results(listed)
            await self.store.put(results, partial(self.set_aside, listed))
            for key in {result.key for result in results}:
                await end_overtaken(self.store, self.input_bucket, key)
            self.health.note_success("output objects")
        except Refused as error:
            if error.code not in _REPLACED:
                raise
            return  # The next listing has the newer object.
        except BadMessage as error:
            self.metrics.objects_rejected.labels("output").inc()
            reason = str(error)
            self.health.note_failure("output objects", listed.key, reason)
            log.warning("object.rejected", bucket=self.output.name, key=listed.key, reason=reason)
        await self.store.note_mirrored(self._pair, listed)

    @property
    def _pair(self) -> str:
        """Name both buckets: after a change of the input bucket, foreign objects may be ours."""
        return f"{self.output.name} for {self.input_bucket}"

    async def _results(self, listed: Listed) -> list[Result]:
        """Read an object; BadMessage if it has no result of ours.

        The verdict counts for good, and an answer may be a proxy's. So an object is read again
        before it is set aside, or believed though its ETag is not the content's digest.
        """
        backoff = Backoff()
        first = await self._get(listed)
        answer = first
        for _ in range(WITNESSES - 1):
            if not answer.doubtful:
                try:
                    return self._parse(listed, answer)
                except BadMessage:
                    pass
            await backoff.wait()
            answer = await self._get(listed)
            if answer != first:
                raise Unavailable(f"GetObject: two answers differ for {listed.key}")
        return self._parse(listed, answer)

    async def _get(self, listed: Listed) -> Fetched:
        """Read an object; BadMessage for one larger than any CSV."""
        try:
            return await self.output.get(listed)
        except Refused as error:
            if error.code != "EntityTooLarge":
                raise
            raise BadMessage(str(error)) from error

    def _parse(self, listed: Listed, fetched: Fetched) -> list[Result]:
        try:
            text = fetched.content.decode()
        except UnicodeDecodeError as error:
            raise BadMessage(f"not UTF-8: {error}") from error
        # Lambda's failure records lie in the same bucket, under a prefix that a video's key may
        # have as well. Only our CSVs have metadata.
        if "key" in fetched.metadata:
            results = [result_of_object(self.output.name, listed.key, fetched.metadata, text)]
        else:
            results = _failures_in(text)
        foreign = {result.bucket for result in results} - {self.input_bucket}
        if foreign:
            raise BadMessage(f"bucket is {', '.join(sorted(foreign))}, not {self.input_bucket}")
        return results


def _failures_in(text: str) -> list[Result]:
    """Read Lambda's failure record (AWS Lambda developer guide, "Capturing records of Lambda
    asynchronous invocations").
    """
    try:
        results = parse_output(text)
    except BadMessage as error:
        raise BadMessage(f"no metadata of a CSV, and no failure record: {error}") from error
    if any(result.status != "failed" for result in results):
        raise BadMessage("no metadata of a CSV, and no failure record")
    return results
