"""The containers and codecs that are read."""

from typing import NamedTuple


class Format(NamedTuple):
    """A container: FFmpeg's demuxers for it, and the usual endings of its files."""

    name: str
    demuxers: str
    endings: str


CONTAINERS = (
    Format("MP4, QuickTime, 3GP", "mov,mp4,m4a,3gp,3g2,mj2", ".mp4 .m4v .mov .3gp .3g2"),
    Format("Matroska, WebM", "matroska,webm", ".mkv .webm"),
    Format("AVI", "avi", ".avi"),
    Format("MPEG transport stream", "mpegts", ".ts .mts .m2ts"),
    Format("MPEG programme stream", "mpeg", ".mpg .mpeg .vob"),
    Format("MPEG-1 or MPEG-2 video without a container", "mpegvideo", ".m1v .m2v"),
    Format("MPEG-4 video without a container", "m4v", ".m4v"),
    Format("H.264 without a container (Raspberry Pi cameras)", "h264", ".h264 .264"),
    Format("H.265 without a container", "hevc", ".h265 .265 .hevc"),
    Format("Flash video", "flv", ".flv"),
    Format("Ogg", "ogg", ".ogv .ogg"),
    Format("Windows Media", "asf", ".wmv .asf"),
    Format("MXF", "mxf", ".mxf"),
)
"""Every container that is opened. FFmpeg's others include playlists, which refer to files and
addresses, and pictures, which prove no presence.
"""

CODECS = (
    ("H.264 / AVC", "h264"),
    ("H.265 / HEVC", "hevc"),
    ("AV1", "av1"),
    ("VP8", "vp8"),
    ("VP9", "vp9"),
    ("MPEG-1", "mpeg1video"),
    ("MPEG-2", "mpeg2video"),
    ("MPEG-4 Part 2 (Xvid, DivX)", "mpeg4"),
    ("H.263", "h263"),
    ("Motion JPEG", "mjpeg"),
    ("ProRes", "prores"),
    ("DNxHD, DNxHR", "dnxhd"),
    ("DV", "dvvideo"),
    ("Theora", "theora"),
    ("Windows Media Video 9, VC-1", "vc1"),
    ("Sorenson Spark (Flash)", "flv1"),
)
"""The usual codecs, with FFmpeg's names. Any other that FFmpeg decodes is read too."""


DEMUXERS = ",".join(container.demuxers for container in CONTAINERS)
"""FFmpeg's `format_whitelist`."""
