"""An S3 object as a seekable file, fetched in byte ranges."""

import io
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from lambda_fn.runtime.aws import error_code, http_status
from lambda_fn.video.unreadable import Unreadable

# The first range holds the header and often the first picture. Sequential reads double the range,
# which keeps requests few; a seek starts small again.
_FIRST_RANGE = 256 * 1024
_LONGEST_RANGE = 8 * 1024 * 1024

# A proxy's page has none of them, and what it does not find may be there a moment later.
_GONE = {"NoSuchKey", "KeyTooLongError", "InvalidURI", "InvalidObjectName"}


class S3File(io.RawIOBase):
    """One version of an object, read-only.

    Every request has `If-Match`, so bytes of another version are never read. Reading raises
    Unreadable with `empty`, `gone` or `superseded`, and other errors of S3 unchanged. `tick` runs
    before each read and may raise: some files make the search for an index endless. An error is
    raised once; later reads return the end of the file.
    """

    def __init__(
        self,
        s3: Any,
        bucket: str,
        key: str,
        etag: str,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._s3 = s3
        self._tick = tick
        self._object = {"Bucket": bucket, "Key": key, "IfMatch": f'"{etag}"'}
        self._position = 0
        self._size: int | None = None
        self._range = _FIRST_RANGE
        self._start = 0
        self._bytes = b""
        self._failed = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    @property
    def size(self) -> int:
        """Length of the object in bytes; the first use may fetch the first range."""
        if self._size is None:
            self._fetch(0)
        return self._size or 0

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence)
        position = offset + (self.size if base is None else base)
        if position < 0:
            raise ValueError(f"seek to {position}: a position in a file is 0 or more")
        self._position = position
        return position

    def read(self, size: int = -1, /) -> bytes:
        """Read up to `size` bytes, fewer only at the end of a range or of the object."""
        if self._failed:
            return b""
        try:
            self._tick()
            if self._position >= self.size or size == 0:
                return b""
            if not self._start <= self._position < self._start + len(self._bytes):
                self._fetch(self._position)
        except BaseException:
            # FFmpeg keeps reading after an error, and passes on only one.
            self._failed = True
            raise
        first = self._position - self._start
        piece = self._bytes[first : None if size < 0 else first + size]
        self._position += len(piece)
        return piece

    def _fetch(self, start: int) -> None:
        goes_on = start == self._start + len(self._bytes) and start > 0
        self._range = min(self._range * 2, _LONGEST_RANGE) if goes_on else _FIRST_RANGE
        try:
            answer = self._s3.get_object(
                **self._object, Range=f"bytes={start}-{start + self._range - 1}"
            )
        except ClientError as error:
            if reason := _unreadable_reason(error, self._object["Key"]):
                raise Unreadable(reason) from error
            raise
        # Not every server honours If-Match.
        if answer["ETag"].strip('"') != self._object["IfMatch"].strip('"'):
            answer["Body"].close()
            raise Unreadable("superseded")
        self._start = start
        self._bytes = answer["Body"].read()
        self._size = int(answer["ContentRange"].rpartition("/")[2])
        if self._size == 0:
            raise Unreadable("empty")


def _unreadable_reason(error: ClientError, key: str) -> str | None:
    """Return why the object cannot be read; None if the error is an outage of S3."""
    # Some servers answer a key with NUL by a page too, always.
    if error_code(error) in _GONE or (http_status(error) == 404 and "\0" in key):
        return "gone"
    # Only the first range of an empty object answers 416: later ranges lie within its size.
    return {412: "superseded", 416: "empty"}.get(http_status(error))
