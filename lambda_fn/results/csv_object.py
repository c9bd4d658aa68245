"""The objects of a video, which only a newer version or a later attempt replaces."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from hybridsphere.messages import Result, Version, attempt_in, object_metadata, version_in
from lambda_fn.runtime.aws import error_code, http_status
from lambda_fn.runtime.log import log

# Each failed attempt means that another writer of the same key has finished. Twenty such writers
# at the same moment do not happen.
_ATTEMPTS = 20


class _Unsupported(Exception):
    """The bucket's server refuses conditional writes; the text is its answer."""


class _Found(NamedTuple):
    """The object under the key.

    `etag` is None without an object; `stays` if it is not older; `same` if this attempt wrote it.
    """

    etag: str | None
    stays: bool = False
    same: bool = False


class CsvWriter:
    """A writer of CSVs and faces; it remembers which conditional writes the server supports.

    S3 compares ETags with their quotes. Ceph compares them without. Swift refuses every conditional
    write: there a HEAD request compares the versions, and the write itself has no condition.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._quoted = True
        self._conditional = True

    def write(self, result: Result) -> None:
        """Write the CSV of a result, unless the CSV of a newer version is there.

        A later attempt replaces that of the same version. Raises ClientError for a refusal,
        RuntimeError if other writers always come first.
        """
        target = {"Bucket": result.output_bucket, "Key": result.output_key}
        content = {
            "Body": result.csv.encode(),
            "ContentType": "text/csv; charset=utf-8",
            "Metadata": object_metadata(result),
        }
        self._write(target, content, result)

    def write_faces(self, result: Result, faces: bytes) -> bool:
        """Write the faces of a result by the same rule; False if a newer version's are there."""
        target = {"Bucket": result.output_bucket, "Key": result.faces_key}
        bare = replace(result, people=(), faces_key=None)
        content = {
            "Body": faces,
            "ContentType": "application/zip",
            "Metadata": object_metadata(bare),
        }
        return self._write(target, content, result)

    def _write(
        self, target: Mapping[str, str | None], content: Mapping[str, Any], result: Result
    ) -> bool:
        """Write an object; False if another one stays that is not of this attempt."""
        if self._conditional:
            try:
                return self._write_conditionally(target, content, result)
            except _Unsupported as error:
                self._conditional = False
                log(
                    "csv.unconditional",
                    level="warning",
                    bucket=result.output_bucket,
                    error=str(error),
                )
        found = self._find(target, result)
        if not found.stays:
            self._s3.put_object(**target, **content)
        return not found.stays or found.same

    def _write_conditionally(
        self, target: Mapping[str, str | None], content: Mapping[str, Any], result: Result
    ) -> bool:
        condition = {"IfNoneMatch": "*"}
        replaced: str | None = None
        for _ in range(_ATTEMPTS):
            refusal = self._put(target, content, condition)
            if refusal is None:
                return True
            found = self._find(target, result)
            if found.stays:
                return found.same
            if found.etag is None:
                condition, replaced = {"IfNoneMatch": "*"}, None
                continue
            if found.etag == replaced and http_status(refusal) == 412:
                # Refused although nobody else has written: the server compares another form.
                self._compare_otherwise(refusal)
            replaced = found.etag
            condition = {"IfMatch": f'"{replaced}"' if self._quoted else replaced}
        raise RuntimeError(
            f"s3://{target['Bucket']}/{target['Key']} was written by others {_ATTEMPTS} times in a "
            "row: see who else writes there"
        )

    def _put(
        self,
        target: Mapping[str, str | None],
        content: Mapping[str, Any],
        condition: Mapping[str, str],
    ) -> ClientError | None:
        """Write under a condition; returns the refusal if the condition does not hold."""
        try:
            self._s3.put_object(**target, **content, **condition)
        except ClientError as error:
            if http_status(error) == 501 or error_code(error) == "NotImplemented":
                raise _Unsupported(str(error)) from error
            if not _lost(error):
                raise
            return error
        return None

    def _compare_otherwise(self, refusal: ClientError) -> None:
        if not self._quoted:
            raise _Unsupported(str(refusal)) from refusal
        self._quoted = False

    def _find(self, target: Mapping[str, str | None], result: Result) -> _Found:
        """Look at the object that is there, and whether it is to stay."""
        try:
            there = self._s3.head_object(**target)
        except ClientError as error:
            if http_status(error) == 404:
                return _Found(None)
            raise
        theirs, attempt = version_in(there["Metadata"]), attempt_in(there["Metadata"])
        same = theirs is not None and (theirs.id, attempt) == (result.version.id, result.attempt)
        stays = not self._outranks(result, there["Metadata"])
        return _Found(there["ETag"].strip('"'), stays, same)

    def _outranks(self, result: Result, metadata: Mapping[str, str]) -> bool:
        """Return whether a result replaces the object with these metadata."""
        theirs = version_in(metadata)
        if theirs is None:
            return False
        if theirs.id == result.version.id:
            return result.attempt > attempt_in(metadata)
        return self._is_newer(result, theirs)

    def _is_newer(self, result: Result, theirs: Version) -> bool:
        """Compare with the version that is there; of two of one moment the video itself decides."""
        mine = result.version
        if mine.tied_with(theirs):
            try:
                video = self._s3.head_object(Bucket=result.bucket, Key=result.key)
            except ClientError as error:
                if http_status(error) not in {403, 404}:
                    raise
            else:
                return bool(video["ETag"].strip('"') == mine.etag)
        return mine.newer_than(theirs)


@cache
def csv_writer(s3: Any) -> CsvWriter:
    """The writer of a client: what it has learnt about the server outlives an invocation."""
    return CsvWriter(s3)


def _lost(error: ClientError) -> bool:
    """Whether a condition does not hold: another writer was faster or is still writing, or the
    object to be replaced was just deleted.
    """
    return http_status(error) in {409, 412} or error_code(error) == "NoSuchKey"
