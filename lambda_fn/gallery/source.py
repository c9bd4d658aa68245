"""The function's gallery, from the image or from S3, kept up to date."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from hybridsphere.recognition.gallery import Gallery, GalleryError
from lambda_fn.runtime.aws import http_status
from lambda_fn.runtime.log import log


class GallerySource:
    """The gallery at a path or `s3://bucket/key`, or an empty one for None.

    A file is read again once it is replaced, an object when its ETag changes. If the new one is
    unusable, that is logged and the last good gallery stays in use. `s3` returns the client. It is
    called for an object alone, since a client takes 0.15 s to make.
    """

    def __init__(self, location: str | None, s3: Callable[[], Any]) -> None:
        self._location = location
        self._s3 = s3
        self._etag: str | None = None
        self._mark: tuple[int, int, int] | None = None
        self._gallery: Gallery | None = None if location else Gallery.empty()
        # A gallery, a day, and the gallery of those who consented on that day.
        self._consenting: tuple[Gallery, date, Gallery] | None = None

    def current(self) -> Gallery:
        """Return the current gallery, without people whose consent has ended.

        Raises GalleryError and the errors of S3.
        """
        known, today = self._whole(), datetime.now(UTC).date()
        if self._consenting is None or (known, today) != self._consenting[:2]:
            self._consenting = known, today, known.consenting(today)
        return self._consenting[2]

    def _whole(self) -> Gallery:
        if self._location and self._location.startswith("s3://"):
            self._renew_from_s3(self._location)
        elif self._location:
            self._renew(Path(self._location))
        assert self._gallery is not None  # noqa: S101 - otherwise it has raised
        return self._gallery

    def _renew(self, path: Path) -> None:
        mark = _mark_of(path)
        if self._gallery is not None and mark == self._mark:
            return
        try:
            self._gallery = Gallery.load(path)
        except GalleryError as error:
            self._reject(str(path), error)
        self._mark = mark

    def _reject(self, location: str, error: GalleryError) -> None:
        """Log an unusable gallery; raise the error if there is no earlier one."""
        if self._gallery is None:
            raise error
        log("gallery.rejected", level="error", location=location, error=str(error))

    def _renew_from_s3(self, location: str) -> None:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        if not bucket or not key:
            raise GalleryError(f"{location}: a gallery in S3 is given as s3://bucket/key")
        unless = {"IfNoneMatch": self._etag} if self._etag else {}
        try:
            answer = self._s3().get_object(Bucket=bucket, Key=key, **unless)
        except ClientError as error:
            if http_status(error) == 304 and self._gallery is not None:
                return
            if http_status(error) == 404:
                raise GalleryError(f"{location}: there is no such object") from error
            raise
        try:
            self._gallery = Gallery.read(io.BytesIO(answer["Body"].read()), location)
        except GalleryError as error:
            self._reject(location, error)
        # Kept for a rejected object too, which is thus fetched and logged once, not per video.
        self._etag = answer["ETag"]


def _mark_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file's content; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
