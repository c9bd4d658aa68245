"""The frames of a video: decoded lazily, converted on demand."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from lambda_fn.video.crop import Crop, container_crop
from lambda_fn.video.display import Orientation, Pixels, squared
from lambda_fn.video.light import Light
from lambda_fn.video.source import ByteSource
from lambda_fn.video.track import MAX_PIXELS, best_track, check_size, open_container
from lambda_fn.video.unreadable import Unreadable

__all__ = ["MAX_PIXELS", "ByteSource", "Frame", "Grey", "Rgb", "Unreadable", "Video"]

Rgb = npt.NDArray[np.uint8]
"""Pixels: `(height, width, 3)`, contiguous, as dlib requires."""

Grey = npt.NDArray[np.uint8]
"""Pixels: `(height, width)`, contiguous."""

# Time bases round some frames down.
_GRACE_S = 0.001


class Frame:
    """A picture as a player shows it, `at_s` seconds after the first.

    Width and height are those that are shown: cropped, with square pixels, upright and unmirrored.
    `pixel_aspect` is the width of a decoded pixel by its height. The picture stays in the
    decoder's format until pixels are requested.
    """

    def __init__(
        self,
        picture: VideoFrame,
        at_s: float = 0.0,
        pixel_aspect: float = 1.0,
        crop: Crop = Crop(),  # noqa: B008 - a frozen value
    ) -> None:
        self.at_s = at_s
        self.extra = False
        self._picture = picture
        self._full: Rgb | None = None
        self._light: Light | None = None
        self._small: Rgb | None = None
        self._orientation = Orientation.of(picture)
        self._crop = crop.within(picture.width, picture.height)
        # The size of the shown part, before the picture is turned.
        self._shown = (picture.width - self._crop.width, picture.height - self._crop.height)
        self.width, self.height = self._orientation.size(*squared(*self._shown, pixel_aspect))

    @classmethod
    def from_rgb(cls, pixels: Rgb) -> Self:
        """Make a frame from a photograph's pixels."""
        return cls(VideoFrame.from_ndarray(pixels, format="rgb24"))

    def rgb(self, width: int | None = None, *, quick: bool = False) -> Rgb:
        """Return the shown pixels in full size, or scaled to `width`; dark ones are brightened.

        The full size is kept, since several faces are cut out of it. A `quick` enlargement is
        less sharp.
        """
        if width is not None and width != self.width:
            scaled = self._lit(self._pixels("rgb24", width, quick=quick))
            if self._small is None or scaled.size < self._small.size:
                self._small = scaled
            return scaled
        if self._full is None:
            self._full = self._lit(self._pixels("rgb24", None))
        return self._full

    def _lit(self, pixels: Rgb) -> Rgb:
        # One frame has one light, whichever size is looked at first.
        if self._light is None:
            self._light = Light.of(pixels)
        return self._light.on(pixels)

    def small(self, width: int) -> Rgb:
        """Return the smallest picture made so far if it has `width` pixels, else make one.

        Scaling takes longer than anything else that is done with a small picture.
        """
        if self._small is not None and self._small.shape[1] >= width:
            return self._small
        return self.rgb(width)

    def grey(self, width: int | None = None) -> Grey:
        """Return the shown pixels in grey, which are cheaper to make and to search."""
        return self._pixels("gray", width)

    def _pixels(self, form: str, width: int | None, *, quick: bool = False) -> Pixels:
        size = (self.width, self.height)
        if width is not None:
            size = (width, max(1, round(self.height * width / self.width)))
        wide, high = self._orientation.size(*size)
        across, down = wide / self._shown[0], high / self._shown[1]
        whole = (
            wide + round(self._crop.width * across),
            high + round(self._crop.height * down),
        )
        shrinks = whole[0] <= self._picture.width and whole[1] <= self._picture.height
        enlarged = Interpolation.BILINEAR if quick else Interpolation.BICUBIC
        scaled = _scaled(self._picture, *whole, form, Interpolation.AREA if shrinks else enlarged)
        left, top = round(self._crop.left * across), round(self._crop.top * down)
        pixels = np.asarray(scaled.to_ndarray(), dtype=np.uint8)
        return self._orientation.lay(pixels[top : top + high, left : left + wide])


def _scaled(
    picture: VideoFrame, width: int, height: int, form: str, interpolation: Interpolation
) -> VideoFrame:
    """Return a picture in another size and format. Raises Unreadable if FFmpeg cannot convert it.

    FFmpeg has no conversion from some colour spaces that a header may name, such as ICtCp. They
    are taken for that of HDTV: the colours are wrong then, and the face remains one.
    """
    for colours in ({}, {"src_colorspace": Colorspace.ITU709}):
        with suppress(FFmpegError):
            return VideoReformatter().reformat(
                picture, width, height, format=form, interpolation=interpolation, **colours
            )
    raise Unreadable("damaged")


class Video:
    """A video, iterated once from its start.

    Opening and iterating raise Unreadable with `not_video`, `damaged`,
    `codec_unknown` or `too_large`.
    """

    def __init__(self, source: ByteSource) -> None:
        self._container = open_container(source)
        try:
            self._stream = best_track(self._container)
        except Unreadable:
            self._container.close()
            raise
        self._decoder = self._stream.codec_context
        self._crop = container_crop(self._stream)
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
        at_s: float | None = None
        for picture in self._pictures(tick):
            check_size(picture.width, picture.height)
            if picture.pts is not None:
                step_s = 0.0 if self._time is None else max(0.0, picture.time - self._time)
                self._time = picture.time
            else:
                step_s = float(1 / (self._stream.average_rate or 25))
            at_s = 0.0 if at_s is None else at_s + step_s
            yield Frame(picture, at_s, self._pixel_aspect(), self._crop)

    def _pixel_aspect(self) -> float:
        """Return a pixel's width by its height. The container's word stands above the codec's."""
        return float(self._stream.sample_aspect_ratio or self._decoder.sample_aspect_ratio or 1)

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
