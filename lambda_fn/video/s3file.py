"""An object in S3 as a file that a decoder reads and seeks in, fetched by ranges."""

import io
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from lambda_fn.runtime.aws import error_code, http_status
from lambda_fn.video.video import Unreadable

# A first range holds the header and often the first picture. Reading straight on doubles the
# ranges, so that a long look costs few requests; a jump starts small again.
_FIRST_RANGE = 256 * 1024
_LONGEST_RANGE = 8 * 1024 * 1024

_NO_SUCH_KEY = {"KeyTooLongError", "InvalidURI", "InvalidObjectName"}


class S3File(io.RawIOBase):
    """One version of an object, read-only.

    Every range is asked for with `If-Match`, so that no byte of another version is ever read.
    Reading raises Unreadable with `empty`, `gone` or `superseded`, and whatever else S3 answers.
    `tick` is called before each read, so that it can end the search for an index, which some files
    make endless, by raising. An error is raised once: who reads on nevertheless finds the end.
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
        """Length of the object in bytes; asks S3 for the first range where it is not known yet."""
        if self._size is None:
            self._fetch(0)
        return self._size or 0

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence)
        position = offset + (self.size if base is None else base)
        if position < 0:
            raise ValueError(f"seek to {position}: a file has no bytes before its first")
        self._position = position
        return position

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes: at most `size`, fewer only where a range or the object ends."""
        if self._failed:
            return b""
        try:
            self._tick()
            if self._position >= self.size or size == 0:
                return b""
            if not self._start <= self._position < self._start + len(self._bytes):
                self._fetch(self._position)
        except BaseException:
            # A decoder reads on for a while before it hands over the error, and knows only one.
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
            raise _unreadable(error) or error from error
        self._start = start
        self._bytes = answer["Body"].read()
        self._size = int(answer["ContentRange"].rpartition("/")[2])
        if self._size == 0:
            raise Unreadable("empty")


def _unreadable(error: ClientError) -> Unreadable | None:
    """What a refusal says about the video; None where it says something about S3."""
    status = http_status(error)
    if status == 404 or error_code(error) in _NO_SUCH_KEY:
        return Unreadable("gone")
    # 416 can only be the first range of an object of no bytes: others stay within its size.
    return {412: Unreadable("superseded"), 416: Unreadable("empty")}.get(status)
