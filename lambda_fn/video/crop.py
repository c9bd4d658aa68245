"""The cropping that a container asks for."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.error import FFmpegError
from av.video.stream import VideoStream

# Matroska's elements (RFC 9559, section 5.1): the masters on the way to a video track's settings,
# and its cropping.
_MASTERS = {0x18538067, 0x1654AE6B, 0xAE, 0xE0}
_CROPS = {0x54BB: "top", 0x54AA: "bottom", 0x54CC: "left", 0x54DD: "right"}


@dataclass(frozen=True, slots=True)
class Crop:
    """Pixels of a decoded picture that are not shown, from each edge."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def within(self, width: int, height: int) -> "Crop":
        """Return the crop for a picture of a size; no crop if it would leave nothing."""
        fits = self.left + self.right < width and self.top + self.bottom < height
        return self if fits else Crop()

    @property
    def width(self) -> int:
        """Columns that are not shown."""
        return self.left + self.right

    @property
    def height(self) -> int:
        """Rows that are not shown."""
        return self.top + self.bottom


def container_crop(track: VideoStream) -> Crop:
    """Return the crop that a track's container asks for, such as `clap` of an MP4.

    FFmpeg leaves this crop to programs, and PyAV hides it. A Matroska header of the track has it,
    and takes a seventh of a millisecond.
    """
    header = io.BytesIO()
    try:
        with av.open(header, "w", format="matroska") as output:
            output.add_stream_from_template(track)
            output.start_encoding()
    # Matroska has no place for some codecs, and FFmpeg refuses broken descriptions of others.
    except (FFmpegError, ValueError):
        return Crop()
    return Crop(**dict(_crops(header.getbuffer())))


def _crops(content: memoryview) -> Iterator[tuple[str, int]]:
    """Yield the edges and their crops in the elements of a Matroska header."""
    at = 0
    while at < len(content):
        kind, at = _number(content, at, keep_length=True)
        size, at = _number(content, at, keep_length=False)
        # The size of all bits stands for an unknown one, and slices end with the header.
        element = content[at : at + size]
        if kind in _MASTERS:
            yield from _crops(element)
        elif kind in _CROPS:
            yield _CROPS[kind], int.from_bytes(element)
        at += size


def _number(content: memoryview, at: int, *, keep_length: bool) -> tuple[int, int]:
    """Return a number of variable length, whose first byte says how long, and the place after."""
    length = max(1, 9 - content[at].bit_length())
    number = int.from_bytes(content[at : at + length])
    return number if keep_length else number & ((1 << 7 * length) - 1), at + length
