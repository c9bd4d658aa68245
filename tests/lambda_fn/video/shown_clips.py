"""Clips whose headers say how a player shows them, or that have several tracks."""

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple, cast

import av
import numpy as np
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image

from lambda_fn.video.crop import Crop
from lambda_fn.video.video import Rgb

Matrix = tuple[int, int, int, int]
"""The rows (a, b) and (c, d) of a display matrix."""

LAYINGS: dict[str, Matrix] = {
    "upright": (1, 0, 0, 1),
    "a quarter": (0, 1, -1, 0),
    "half": (-1, 0, 0, -1),
    "three quarters": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down in a mirror": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transposed the other way": (0, -1, -1, 0),
}


class Track(NamedTuple):
    """A video track: its pictures, and what its header says."""

    pictures: Sequence[Rgb]
    codec: str = "libx264"
    default: bool = False
    pixel_aspect: Fraction | None = None


def clip(*tracks: Track, container: str = "mp4", rate: int = 5) -> bytes:
    """Encode tracks; each picture lasts a fifth of a second."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        streams = [_stream(cast(VideoStream, output.add_stream(t.codec, rate)), t) for t in tracks]
        for stream, track in zip(streams, tracks, strict=True):
            for picture in track.pictures:
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            output.mux(stream.encode())
    return file.getvalue()


def _stream(stream: VideoStream, track: Track) -> VideoStream:
    stream.height, stream.width = track.pictures[0].shape[:2]
    stream.pix_fmt = "yuvj420p" if track.codec == "mjpeg" else "yuv420p"
    if track.default:
        stream.disposition = Disposition.default
    if track.pixel_aspect:
        stream.codec_context.sample_aspect_ratio = track.pixel_aspect
    return stream


def with_matrix(file: bytes, matrix: Matrix) -> bytes:
    """Put a display matrix into the first track header of an MP4."""
    made = bytearray(file)
    # The track header ends with nine numbers and the size: three are 2.30, the others 16.16.
    header = made.index(b"tkhd")
    start = header + struct.unpack(">I", made[header - 4 : header])[0] - 4 - 8 - 36
    a, b, c, d = matrix
    numbers = [n << (30 if at % 3 == 2 else 16) for at, n in enumerate((a, b, 0, c, d, 0, 0, 0, 1))]
    made[start : start + 36] = struct.pack(">9i", *numbers)
    return bytes(made)


def with_crop(file: bytes, crop: Crop) -> bytes:
    """Put a clean aperture (ISO 14496-12, `clap`) into the H.264 track of an MP4."""
    made = bytearray(file)
    entry = made.index(b"avc1", made.index(b"stsd")) - 4
    width, height = struct.unpack_from(">HH", made, entry + 32)
    # Width and height, then by how much the middle lies off: fractions, the middle in halves.
    numbers = [width - crop.width, 1, height - crop.height, 1]
    numbers += [crop.left - crop.right, 2, crop.top - crop.bottom, 2]
    box = struct.pack(">I4s8i", 40, b"clap", *numbers)
    end = entry + struct.unpack_from(">I", made, entry)[0]
    made[end:end] = box
    at = 0
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = made.index(kind, at)
        struct.pack_into(">I", made, at - 4, struct.unpack_from(">I", made, at - 4)[0] + len(box))
    return bytes(made)


def rewrapped(file: bytes, container: str) -> bytes:
    """Put a video's packets into another container, with all that its header says."""
    made = io.BytesIO()
    with av.open(io.BytesIO(file)) as source, av.open(made, "w", format=container) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return made.getvalue()


def laid(picture: Rgb, matrix: Matrix) -> Rgb:
    """Show a picture as a matrix says: the pixel at (x, y) goes to (a*x + c*y, b*x + d*y)."""
    a, b, c, d = matrix
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    to_x, to_y = a * x + c * y, b * x + d * y
    to_x, to_y = to_x - to_x.min(), to_y - to_y.min()
    shown = np.empty((to_y.max() + 1, to_x.max() + 1, 3), np.uint8)
    shown[to_y, to_x] = picture
    return shown


def unlaid(picture: Rgb, matrix: Matrix) -> Rgb:
    """Return the picture that a matrix shows as the one given."""
    a, b, c, d = matrix
    # The inverse of these matrices is their transpose.
    return laid(picture, (a, c, b, d))


def squeezed(picture: Rgb, pixel_aspect: Fraction) -> Rgb:
    """Return the picture that pixels of an aspect show as the one given, with an even size."""
    height, width = picture.shape[:2]
    size = (round(width / pixel_aspect / 2) * 2, height)
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
