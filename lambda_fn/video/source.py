"""The bytes of a video, wherever they are kept."""

from typing import Protocol


class ByteSource(Protocol):
    """A file that a video is read from; its errors pass through the decoder."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...
