"""Frames of a video, decoded lazily and converted only when they are looked at."""

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
"""Pixels: height x width x 3, rows one after another, as dlib takes them."""

Grey = npt.NDArray[np.uint8]
"""Pixels: height x width, likewise."""

MAX_PIXELS = 8192 * 4320
"""Largest frame that is decoded: 8K. One as RGB takes 106 MB."""

# Time bases round some frames down.
_GRACE_S = 0.001

# FFmpeg's other demuxers include playlists, which name further files and addresses.
_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,mxf,m4v"

# The header of an MP4 says how its pictures are coded. Elsewhere the first packets have to show it,
# and FFmpeg decodes a picture to make sure: as long as it takes to decode it when it is wanted.
_HEADER_TELLS_ALL = (4, b"ftyp")
_DECODE_NOTHING = {"skip_frame": "all"}
_ANALYSE_NOTHING = {"analyzeduration": "1"}

# Up to 18, PyAV refuses a video for one tag that is not UTF-8, unless it may replace the bytes.
_ANY_METADATA: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)

# What tells a broken video from a file that never was one: offset and bytes.
_SIGNATURES = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (0, b"\x1aE\xdf\xa3"), (8, b"AVI "))


class Unreadable(Exception):
    """A video that nobody can be seen in; `reason` is a word of the contract."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"unreadable video: {reason}")
        self.reason = reason


class ByteSource(Protocol):
    """What a video is read from; errors that it raises pass through the decoder."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


class Frame:
    """One picture, `at_s` seconds after the first; width and height are those of the upright one.

    It stays in the decoder's own format until its pixels are asked for.
    """

    def __init__(self, picture: VideoFrame, at_s: float = 0.0) -> None:
        self.at_s = at_s
        self.extra = False
        self._picture = picture
        self._quarter_turns = round(picture.rotation / 90) % 4
        upright = (picture.width, picture.height)
        self.width, self.height = reversed(upright) if self._quarter_turns % 2 else upright

    @classmethod
    def from_rgb(cls, pixels: Rgb) -> Self:
        """A frame of a photograph."""
        return cls(VideoFrame.from_ndarray(pixels, format="rgb24"))

    def rgb(self, width: int | None = None) -> Rgb:
        """The upright pixels, scaled to `width` by the decoder's scaler, or in full size."""
        return self._pixels("rgb24", width)

    def grey(self, width: int | None = None) -> Grey:
        """The same in grey, which costs less to make and to search."""
        return self._pixels("gray", width)

    def _pixels(self, form: str, width: int | None) -> npt.NDArray[np.uint8]:
        size = (self.width, self.height)
        if width is not None:
            size = (width, max(1, round(self.height * width / self.width)))
        if self._quarter_turns % 2:
            size = (size[1], size[0])
        scaled = VideoReformatter().reformat(
            self._picture, *size, format=form, interpolation=Interpolation.AREA
        )
        pixels = np.rot90(scaled.to_ndarray(), self._quarter_turns)
        # Rows of a frame are padded, and turned ones run another way: dlib takes neither.
        return np.ascontiguousarray(pixels, dtype=np.uint8)


class Video:
    """A video to be looked at once, from its start.

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
        # Of the last frame decoded: its time in the stream, and how long after it one is wanted.
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
        """The first frame, then the next one `gap_s()` seconds or more after it, and so on.

        The last one comes however soon it comes, as `extra`: somebody may appear at the very end.
        `gap_s` is asked anew each time. `tick` is called for each packet of the file, so that
        it can end a search by raising. Of a broken video, whatever can be decoded is yielded.
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
        """Every frame. Its time adds up steps forward only: streams that were joined jump back."""
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
        """What the decoder makes of the stream, the first picture at once."""
        packets = self._packets(tick)
        first = next(packets, None)
        if first is None:
            return
        early = self._alone(first)
        yield from early
        for packet in itertools.chain([first], packets):
            # Pictures that no other one builds upon are decoded only if they are wanted.
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
        """The picture of a packet that builds upon no other; the decoder then starts anew.

        In most videos it is the only one needed. The decoder would hold it back for some more,
        which might have to be shown before it.
        """
        if not packet.is_keyframe:
            return []
        pictures = [*self._decoded(packet), *self._decoded(None)]
        self._decoder.flush_buffers()
        for picture in pictures:
            picture.time_base = packet.time_base
        return pictures[:1]

    def _decoded(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        """What a packet yields, or the end; a broken packet costs its own pictures only."""
        try:
            return self._decoder.decode(packet)
        except FFmpegError:
            return []

    def _is_early(self, packet: "Packet[VideoStream]") -> bool:
        """Whether a packet's picture comes before the next one that is wanted."""
        if packet.pts is None or not packet.time_base or self._time is None:
            return False
        return float(packet.pts * packet.time_base) < self._time + self._wanted_in_s - _GRACE_S


def _open(source: ByteSource) -> InputContainer:
    head = source.read(16)
    source.seek(0)
    at, mark = _HEADER_TELLS_ALL
    told = head.startswith(mark, at)
    # Nothing but the file object is ever read, whatever the file names.
    limits = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
    try:
        container: InputContainer = av.open(
            source,
            mode="r",
            container_options=limits | (_ANALYSE_NOTHING if told else {}),
            options=_DECODE_NOTHING if told else {},
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
        # The cover of a piece of music comes as a video of one picture.
        if Disposition.attached_pic in stream.disposition:
            continue
        if stream.codec_context is None:
            raise Unreadable("codec_unknown")
        _check_size(stream.codec_context.width, stream.codec_context.height)
        # A stream whose frames grow later on is refused by the decoder itself.
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        return stream
    raise Unreadable("not_video")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Unreadable("too_large")
