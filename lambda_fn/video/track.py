"""The container of a video, and its best track."""

import errno
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from lambda_fn.video.formats import DEMUXERS
from lambda_fn.video.source import ByteSource
from lambda_fn.video.unreadable import Unreadable

MAX_PIXELS = 8192 * 4320
"""Largest decoded frame: 8K, which takes 106 MB as RGB."""

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

# Cameras and phones write photographs into the boxes of an MP4, as items or as tracks of one
# picture: HEIF and AVIF, their sequences, and Canon's raw files.
_PHOTO_BRANDS = {
    *("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"),
    *("mif1", "mif2", "msf1", "miaf", "avif", "avis", "crx "),
}

# A track of such a codec, of unknown length, is more likely a cover than a film.
_PICTURE_CODECS = {"png", "mjpeg", "bmp", "tiff", "webp", "gif", "jpeg2000", "jpegxl"}

# Tracks that only go with another: covers, thumbnails, tiles, depth maps.
_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent


def open_container(source: ByteSource) -> InputContainer:
    """Open a video's container. Raises Unreadable with `not_video`, `damaged` or `too_large`."""
    head = source.read(16)
    source.seek(0)
    at, mark = _FULL_HEADER
    described = head.startswith(mark, at)
    # FFmpeg reads nothing but the file object, whatever the file refers to.
    limits = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
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


def best_track(container: InputContainer) -> VideoStream:
    """Return the track that a player would show, ready to be decoded.

    Decodable tracks come before others, moving pictures before stills, default tracks before the
    rest, earlier tracks before later ones. Raises Unreadable with `not_video`, `codec_unknown` or
    `too_large`.
    """
    tracks = [track for track in container.streams.video if not _NO_FILM & track.disposition]
    if not tracks or _is_photo(container, tracks):
        raise Unreadable("not_video")
    best = min(tracks, key=_rank)
    if fault := _fault(best):
        raise Unreadable(fault)
    # The decoder refuses frames that grow beyond the limit later.
    best.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return best


def check_size(width: int, height: int) -> None:
    """Raise Unreadable for a frame beyond MAX_PIXELS."""
    if width * height > MAX_PIXELS:
        raise Unreadable("too_large")


def _rank(track: VideoStream) -> tuple[bool, bool, bool, int]:
    """Return the key that sorts the best track first."""
    is_default = Disposition.default in track.disposition
    return _fault(track) is not None, _is_still(track), not is_default, track.index


def _fault(track: VideoStream) -> str | None:
    """Return why a track cannot be decoded, as a word of the contract."""
    # PyAV has no context for a codec that its FFmpeg does not decode; its types do not say so.
    context: VideoCodecContext | None = track.codec_context
    if context is None:
        return "codec_unknown"
    return "too_large" if context.width * context.height > MAX_PIXELS else None


def _is_still(track: VideoStream) -> bool:
    """Whether a track has one picture, as far as its header says."""
    if Disposition.still_image in track.disposition or track.frames == 1:
        return True
    context: VideoCodecContext | None = track.codec_context
    return track.frames == 0 and context is not None and context.codec.name in _PICTURE_CODECS


def _is_photo(container: InputContainer, tracks: list[VideoStream]) -> bool:
    """Whether a container holds only photographs: single pictures that no time goes with."""
    branded = container.metadata.get("major_brand") in _PHOTO_BRANDS
    return all(track.frames == 1 and (branded or track.duration is None) for track in tracks)
