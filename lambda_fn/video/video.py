"""The frames of a video: decoded lazily, converted on demand."""

import errno
import itertools
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Protocol, Self

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

Rgb = npt.NDArray[np.uint8]
"""Pixels: `(height, width, 3)`, contiguous, as dlib requires."""

Grey = npt.NDArray[np.uint8]
"""Pixels: `(height, width)`, contiguous."""

MAX_PIXELS = 8192 * 4320
"""Largest decoded frame: 8K, which takes 106 MB as RGB."""

# Time bases round some frames down.
_GRACE_S = 0.001

# FFmpeg's other demuxers include playlists, which refer to files and addresses.
_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,mxf,m4v"

# An MP4's header describes its codec fully. For other containers FFmpeg must analyse packets and
# decode a picture, which costs as much as decoding the picture later.
_FULL_HEADER = (4, b"ftyp")
_DECODE_NOTHING = {"skip_frame": "all"}
_ANALYSE_NOTHING = {"analyzeduration": "1"}

# Up to 18, PyAV rejects a video for one tag that is not UTF-8, unless it may replace the bytes.
_ANY_METADATA: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)

# Signatures that separate a broken video from any other file: offset and bytes.
_SIGNATURES = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (0, b"\x1aE\xdf\xa3"), (8, b"AVI "))


class Unreadable(Exception):
    """A file that yields no frames; `reason` is a word of the contract."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"unreadable video: {reason}")
        self.reason = reason


class ByteSource(Protocol):
    """A file that a video is read from; its errors pass through the decoder."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


class Frame:
    """A picture, `at_s` seconds after the first; width and height are those after rotation.

    The picture stays in the decoder's format until pixels are requested.
    """

    def __init__(self, picture: VideoFrame, at_s: float = 0.0) -> None:
        self.at_s = at_s
        self.extra = False
        self._picture = picture
        self._full: Rgb | None = None
        self._quarter_turns = round(picture.rotation / 90) % 4
        upright = (picture.width, picture.height)
        self.width, self.height = reversed(upright) if self._quarter_turns % 2 else upright

    @classmethod
    def from_rgb(cls, pixels: Rgb) -> Self:
        """Make a frame from a photograph's pixels."""
        return cls(VideoFrame.from_ndarray(pixels, format="rgb24"))

    def rgb(self, width: int | None = None) -> Rgb:
        """Return the upright pixels in full size, or scaled to `width`.

        The full size is kept, since several faces are cut out of it.
        """
        if width is not None and width != self.width:
            return self._pixels("rgb24", width)
        if self._full is None:
            self._full = self._pixels("rgb24", None)
        return self._full

    def grey(self, width: int | None = None) -> Grey:
        """Return the upright pixels in grey, which are cheaper to make and to search."""
        return self._pixels("gray", width)

    def _pixels(self, form: str, width: int | None) -> npt.NDArray[np.uint8]:
        size = (self.width, self.height)
        if width is not None:
            size = (width, max(1, round(self.height * width / self.width)))
        if self._quarter_turns % 2:
            size = (size[1], size[0])
        shrinks = size[0] <= self._picture.width
        scaled = VideoReformatter().reformat(
            self._picture,
            *size,
            format=form,
            interpolation=Interpolation.AREA if shrinks else Interpolation.BICUBIC,
        )
        pixels = np.rot90(scaled.to_ndarray(), self._quarter_turns)
        # A frame's rows are padded, and rotation changes strides; dlib requires contiguous pixels.
        return np.ascontiguousarray(pixels, dtype=np.uint8)


class Video:
    """A video, iterated once from its start.

    Opening and iterating raise Unreadable with `not_video`, `too_large` or `damaged`.
    """

    def __init__(self, source: ByteSource) -> None:
        self._container = _open(source)
        try:
            self._stream = _video_stream(self._container)
        except Unreadable:
            self._container.close()
            raise
        self._decoder = self._stream.codec_context
        # The stream time of the last decoded frame, and the seconds until the next wanted one.
        self._time: float | None = None
        self._wanted_in_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._container.close()

    def frames(
        self, gap_s: Callable[[], float], tick: Callable[[], None] = lambda: None
    ) -> Iterator[Frame]:
        """Yield the first frame, then repeatedly the next one at least `gap_s()` seconds later.

        The video's last frame is yielded too, as `extra`: somebody may appear at the very end.
        `tick` runs for each packet and may raise. A broken video yields its decodable frames.
        """
        wanted_s = 0.0
        frame: Frame | None = None
        last: Frame | None = None
        for frame in self._timed_frames(tick):
            if frame.at_s >= wanted_s - _GRACE_S:
                last = frame
                yield frame
                wanted_s = frame.at_s + gap_s()
            self._wanted_in_s = wanted_s - frame.at_s
        if frame is None:
            raise Unreadable("damaged")
        if frame is not last:
            frame.extra = True
            yield frame

    def _timed_frames(self, tick: Callable[[], None]) -> Iterator[Frame]:
        """Yield every frame. Backward steps of joined streams do not count in `at_s`."""
        at_s = 0.0
        for picture in self._pictures(tick):
            _check_size(picture.width, picture.height)
            if picture.pts is None:
                at_s += float(1 / (self._stream.average_rate or 25))
            else:
                step_s = 0.0 if self._time is None else picture.time - self._time
                at_s += max(0.0, step_s)
                self._time = picture.time
            yield Frame(picture, at_s)

    def _pictures(self, tick: Callable[[], None]) -> Iterator[VideoFrame]:
        """Yield the decoded pictures, the first one without delay."""
        packets = self._packets(tick)
        first = next(packets, None)
        if first is None:
            return
        early = self._alone(first)
        yield from early
        for packet in itertools.chain([first], packets):
            # Unwanted pictures that no other picture refers to are not decoded.
            self._decoder.skip_frame = "NONREF" if self._is_early(packet) else "DEFAULT"
            for picture in self._decoded(packet):
                if early and early[0].pts == picture.pts:
                    early = []
                else:
                    yield picture

    def _packets(self, tick: Callable[[], None]) -> Iterator["Packet[VideoStream]"]:
        packets = self._container.demux(self._stream)
        while True:
            tick()
            try:
                yield next(packets)
            except (FFmpegError, StopIteration):
                return

    def _alone(self, packet: "Packet[VideoStream]") -> list[VideoFrame]:
        """Decode a key frame's packet alone, then reset the decoder.

        Most videos need only this picture. The decoder would otherwise hold it back until it has
        seen the packets that follow, whose pictures might be shown earlier.
        """
        if not packet.is_keyframe:
            return []
        pictures = [*self._decoded(packet), *self._decoded(None)]
        self._decoder.flush_buffers()
        for picture in pictures:
            picture.time_base = packet.time_base
        return pictures[:1]

    def _decoded(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        """Decode a packet, or flush the decoder; a broken packet loses only its own pictures."""
        try:
            return self._decoder.decode(packet)
        except FFmpegError:
            return []

    def _is_early(self, packet: "Packet[VideoStream]") -> bool:
        """Whether a packet's picture is earlier than the next wanted one."""
        if packet.pts is None or not packet.time_base or self._time is None:
            return False
        return float(packet.pts * packet.time_base) < self._time + self._wanted_in_s - _GRACE_S


def _open(source: ByteSource) -> InputContainer:
    head = source.read(16)
    source.seek(0)
    at, mark = _FULL_HEADER
    described = head.startswith(mark, at)
    # FFmpeg reads nothing but the file object, whatever the file refers to.
    limits = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
    try:
        container: InputContainer = av.open(
            source,
            mode="r",
            container_options=limits | (_ANALYSE_NOTHING if described else {}),
            options=_DECODE_NOTHING if described else {},
            **_ANY_METADATA,
        )
    except FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise Unreadable("too_large") from error
        started_as_video = any(head.startswith(mark, at) for at, mark in _SIGNATURES)
        raise Unreadable("damaged" if started_as_video else "not_video") from error
    return container


def _video_stream(container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        # The cover of a music file is a video stream with one picture.
        if Disposition.attached_pic in stream.disposition:
            continue
        if stream.codec_context is None:
            raise Unreadable("codec_unknown")
        _check_size(stream.codec_context.width, stream.codec_context.height)
        # The decoder refuses frames that grow beyond the limit later.
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        return stream
    raise Unreadable("not_video")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Unreadable("too_large")
