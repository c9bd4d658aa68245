"""Photographs that a video decoder could open: AVIF, HEIC, and their sequences."""

import io
import struct
from collections.abc import Sequence

import av
from PIL import Image

from lambda_fn.video.video import Rgb


def avif(pictures: Sequence[Rgb]) -> bytes:
    """Make an AVIF photograph, or an AVIF sequence of several pictures."""
    file = io.BytesIO()
    first, *others = (Image.fromarray(picture) for picture in pictures)
    first.save(file, "AVIF", save_all=bool(others), append_images=others, duration=200)
    return file.getvalue()


def heic(picture: Rgb, brand: bytes = b"heic") -> bytes:
    """Make a HEIC photograph, as iPhones take them: one coded item and its properties."""
    configuration, sample = _hevc(picture)
    height, width = picture.shape[:2]
    properties = configuration + _box(b"ispe", struct.pack(">III", 0, width, height))
    association = struct.pack(">IIHBBB", 0, 1, 1, 2, 0x81, 2)
    entry = _box(b"infe", struct.pack(">IHH4sB", 2 << 24, 1, 0, b"hvc1", 0))

    def boxes(offset: int) -> bytes:
        location = struct.pack(">IBBHHHHII", 0, 0x44, 0, 1, 1, 0, 1, offset, len(sample))
        meta = _box(
            b"meta",
            bytes(4),
            _box(b"hdlr", struct.pack(">II4s12xx", 0, 0, b"pict")),
            _box(b"pitm", struct.pack(">IH", 0, 1)),
            _box(b"iloc", location),
            _box(b"iinf", struct.pack(">IH", 0, 1), entry),
            _box(b"iprp", _box(b"ipco", properties), _box(b"ipma", association)),
        )
        return _box(b"ftyp", brand, bytes(4), b"mif1heic") + meta

    return boxes(len(boxes(0)) + 8) + _box(b"mdat", sample)


def _hevc(picture: Rgb) -> tuple[bytes, bytes]:
    """Return the box with the decoder's configuration, and one coded picture."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("libx265", 5, options={"x265-params": "log-level=none"})
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        for packet in (*stream.encode(av.VideoFrame.from_ndarray(picture)), *stream.encode()):
            # x265 gives a single picture a random time, which FFmpeg's muxers may refuse.
            packet.pts = packet.dts = 0
            output.mux(packet)
    file.seek(0)
    with av.open(file) as container:
        configuration = container.streams.video[0].codec_context.extradata or b""
        sample = next(bytes(packet) for packet in container.demux(video=0) if packet.size)
    return _box(b"hvcC", configuration), sample


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + kind + content
