"""Upload videos to the input bucket, several at a time, and write the manifest."""

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from hybridsphere.aws import AwsError
from hybridsphere.aws.one_shot import CALL_FAILURES, client
from hybridsphere.errors import CannotRun
from hybridsphere.messages import utc_text
from hybridsphere.settings import Settings
from hybridsphere.workload.buckets import empty_bucket, is_empty
from hybridsphere.workload.manifest import (
    FailedFile,
    Manifest,
    UploadedFile,
    check_place,
    manifest_path,
)

CONCURRENCY = 8
"""Files uploaded at once."""

PART_BYTES = 8 * 1024**2
"""Larger files are uploaded in parts of this size, so that memory holds one part a file."""

MAX_PARTS = 10_000
"""Amazon S3 user guide, "Amazon S3 multipart upload limits"."""

_FAILURES = (*CALL_FAILURES, OSError, UnicodeError)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine, its key, and its size in bytes."""

    path: Path
    key: str
    size: int


async def upload(folder: Path, settings: Settings, *, clear: bool, console: Console) -> int:
    """Upload every file below a folder, under its relative path; return their number.

    `clear` empties both buckets first. Raises CannotRun for an empty folder, and if a file
    could not be uploaded; the manifest lists both kinds.
    """
    files = files_below(folder)
    manifest = await upload_files(files, settings, clear=clear, console=console)
    if manifest.failed:
        first = manifest.failed[0]
        raise CannotRun(
            f"{len(manifest.failed)} of {len(files)} files were not uploaded, the first being "
            f"{first.key!r}: {first.reason}",
            hint=f"{manifest_path(settings.results_dir)} lists them",
        )
    return len(manifest.files)


async def upload_files(
    files: Iterable[tuple[Path, str]], settings: Settings, *, clear: bool, console: Console
) -> Manifest:
    """Upload files, each under its key; the manifest's `failed` lists the failures."""
    settings.require("input_bucket", "output_bucket")
    buckets = settings.need("input_bucket"), settings.need("output_bucket")
    check_place(settings.results_dir)
    local = [LocalFile(path, key, path.stat().st_size) for path, key in files]
    async with client("s3", connections=CONCURRENCY) as s3:
        # Before either is emptied, since one of them may be missing.
        were_empty = await _are_empty(s3, buckets)
        if clear:
            for bucket in buckets:
                await empty_bucket(s3, bucket)
            were_empty = await _are_empty(s3, buckets)
        begun_at = utc_text()
        run = _Run(s3, buckets[0], local)
        try:
            await run.upload_all(console)
        finally:
            # An interrupted upload has put files into the bucket too.
            manifest = Manifest(begun_at, *buckets, were_empty, run.uploaded(), run.failed())
            manifest.write(settings.results_dir)
    return manifest


async def _are_empty(s3: Any, buckets: Iterable[str]) -> bool:
    """Return whether all buckets are empty; the AwsError names each that cannot be read."""
    empty, wrong = True, dict[str, AwsError]()
    for bucket in buckets:
        try:
            empty &= await is_empty(s3, bucket)
        except AwsError as error:
            wrong[f"bucket {bucket}"] = error
    if len(wrong) > 1:
        faults = [(name, error.message.removeprefix(f"{name}: ")) for name, error in wrong.items()]
        hint = next((error.hint for error in wrong.values() if error.hint), "")
        raise AwsError("the buckets cannot be read", details=faults, hint=hint)
    for only in wrong.values():
        raise only
    return empty


def files_below(folder: Path) -> list[tuple[Path, str]]:
    """List every file below a folder and its relative path, in order.

    Raises CannotRun for an empty folder, for a folder that cannot be read, and for devices, pipes
    and broken links.
    """
    if not folder.is_dir():
        raise CannotRun(f"{folder} is not a folder", hint="name the folder of the videos")
    paths = sorted(_walk(folder))
    if not paths:
        raise CannotRun(f"{folder} holds no file", hint="name the folder of the videos")
    for path in paths:
        if not path.is_file():
            raise CannotRun(
                f"{path} is neither a file nor a folder",
                hint="move it away, or name another folder",
            )
    return [(path, path.relative_to(folder).as_posix()) for path in paths]


def _walk(folder: Path) -> Iterator[Path]:
    """List everything below a folder except folders; links are not followed."""
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry))
                    else:
                        yield Path(entry)
        except OSError as error:
            raise CannotRun(f"{place} cannot be read: {error.strerror}") from error


class _Run:
    """The files of one upload, with the result of each."""

    def __init__(self, s3: Any, bucket: str, files: Sequence[LocalFile]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._files = files
        self._uploaded: dict[str, UploadedFile] = {}
        self._reasons: dict[str, str] = {}

    def uploaded(self) -> tuple[UploadedFile, ...]:
        done = self._uploaded
        return tuple(done[file.key] for file in self._files if file.key in done)

    def failed(self) -> tuple[FailedFile, ...]:
        return tuple(
            FailedFile(file.key, self._reasons.get(file.key, "interrupted"))
            for file in self._files
            if file.key not in self._uploaded
        )

    async def upload_all(self, console: Console) -> None:
        waiting = iter(self._files)
        with _progress(console) as progress:
            total = sum(file.size for file in self._files)
            task = progress.add_task("", total=total, done=0, files=len(self._files))

            async def work() -> None:
                for file in waiting:
                    await self._try_to_upload(file)
                    progress.update(task, advance=file.size, done=len(self._uploaded))

            async with asyncio.TaskGroup() as group:
                for _ in range(CONCURRENCY):
                    group.create_task(work())

    async def _try_to_upload(self, file: LocalFile) -> None:
        upload = self._upload_in_parts if file.size > PART_BYTES else self._upload_whole
        try:
            self._uploaded[file.key] = await upload(file)
        except _FAILURES as error:
            self._reasons[file.key] = str(error) or type(error).__name__

    async def _upload_whole(self, file: LocalFile) -> UploadedFile:
        body = await asyncio.to_thread(file.path.read_bytes)
        answer = await self._s3.put_object(Bucket=self._bucket, Key=file.key, Body=body)
        return UploadedFile(file.key, len(body), _unquoted(answer["ETag"]))

    async def _upload_in_parts(self, file: LocalFile) -> UploadedFile:
        target = {"Bucket": self._bucket, "Key": file.key}
        begun = await self._s3.create_multipart_upload(**target, **self._checksum)
        target["UploadId"] = begun["UploadId"]
        try:
            parts, size = await self._upload_parts(file, target)
            answer = await self._s3.complete_multipart_upload(
                **target, MultipartUpload={"Parts": parts}
            )
        except BaseException:
            # Incomplete parts cost money until somebody finds them.
            await self._s3.abort_multipart_upload(**target)
            raise
        return UploadedFile(file.key, size, await self._etag(file, answer))

    @property
    def _checksum(self) -> dict[str, str]:
        """The announcement of a checksum for each part, unless the environment wants none.

        botocore sends a CRC32 with every part by default. S3 then requires the announcement. A
        server that knows no checksums is used with AWS_REQUEST_CHECKSUM_CALCULATION=when_required.
        """
        wanted = self._s3.meta.config.request_checksum_calculation != "when_required"
        return {"ChecksumAlgorithm": "CRC32"} if wanted else {}

    async def _etag(self, file: LocalFile, answer: Mapping[str, str]) -> str:
        """The ETag of a completed upload; Ceph leaves it out of its answer."""
        if not answer.get("ETag"):
            answer = await self._s3.head_object(Bucket=self._bucket, Key=file.key)
        return _unquoted(answer["ETag"])

    async def _upload_parts(
        self, file: LocalFile, target: dict[str, str]
    ) -> tuple[list[dict[str, Any]], int]:
        """Upload the parts; return their list for S3, and the bytes of all together."""
        part_bytes = max(PART_BYTES, -(-file.size // MAX_PARTS))
        parts: list[dict[str, Any]] = []
        size = 0
        with file.path.open("rb") as source:
            while body := await asyncio.to_thread(source.read, part_bytes):
                number = len(parts) + 1
                sent = await self._s3.upload_part(
                    **target, PartNumber=number, Body=body, **self._checksum
                )
                proofs = {name: sent[name] for name in ("ETag", "ChecksumCRC32") if name in sent}
                parts.append({"PartNumber": number, **proofs})
                size += len(body)
        return parts, size


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("uploading"),
        BarColumn(),
        TextColumn("{task.fields[done]} of {task.fields[files]} files"),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
    )


def _unquoted(etag: str) -> str:
    """Return an ETag without quotes, as in S3's events."""
    return etag.strip('"')
