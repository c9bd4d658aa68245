"""Pictures and videos: crops and scenes from memory, a video by ranges from the input bucket."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from mimetypes import guess_type

import structlog
from aiohttp import web

from hybridsphere.aws.errors import AwsError
from hybridsphere.aws.video import VideoReader, reading_videos
from hybridsphere.errors import CannotRun
from hybridsphere.page.site import SITE, Shelf

log = structlog.get_logger()

STREAMS = 16
"""Videos that are read at once."""

_PIECE = 64 * 1024
_SLOW_S = 30.0
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

_READER = web.AppKey("videos", VideoReader)
_STREAMS = web.AppKey("streams", asyncio.Semaphore)

_PICTURE = {"Cache-Control": "private, max-age=3600", "Content-Type": "image/jpeg"}


async def crop(request: web.Request) -> web.Response:
    """Answer with the picture of a face."""
    face = int(request.match_info["face"])
    jpeg = await request.app[SITE].read(
        lambda shelf: shelf.faces.picture(face) if shelf.faces else None
    )
    return _picture(jpeg)


async def scene(request: web.Request) -> web.Response:
    """Answer with the picture of a video."""
    video = int(request.match_info["video"])
    found = await request.app[SITE].read(
        lambda shelf: shelf.faces.scene(video) if shelf.faces else None
    )
    return _picture(found.jpeg if found else None)


async def video(request: web.Request) -> web.StreamResponse:
    """Pass a range of a video on from the bucket; only videos that the ledger knows."""
    reader = request.app.get(_READER)
    if reader is None:
        raise web.HTTPNotFound(text="This page may not read videos.")
    key, version = request.query.get("key", ""), request.query.get("version", "")
    found = await request.app[SITE].read(_version, key, version)
    if found is None:
        raise web.HTTPNotFound(text="No such video.")
    streams = request.app[_STREAMS]
    if streams.locked():
        raise web.HTTPServiceUnavailable(text="Too many videos are being watched.")
    async with streams:
        return await _pass_on(request, reader, *found)


def _version(shelf: Shelf, key: str, version: str) -> tuple[str, str, str] | None:
    bucket = shelf.bucket
    entry = shelf.archive.one(bucket, key, version)
    return (bucket, entry.upload.key, entry.upload.etag) if entry else None


async def _pass_on(
    request: web.Request, reader: VideoReader, bucket: str, key: str, etag: str
) -> web.StreamResponse:
    wanted = _RANGE.fullmatch(request.headers.get("Range", ""))
    given = wanted[0] if wanted and (wanted[1] or wanted[2]) else None
    try:
        async with reader.open(bucket, key, etag, given) as piece:
            answer = web.StreamResponse(status=206 if piece.content_range else 200)
            # An upload may hold anything: the browser must never take it for a page or a script.
            kind = guess_type(key)[0] or ""
            answer.content_type = kind if kind.startswith("video/") else "application/octet-stream"
            answer.content_length = piece.length
            answer.headers["Accept-Ranges"] = "bytes"
            answer.headers["Cache-Control"] = "private, max-age=300"
            if piece.content_range:
                answer.headers["Content-Range"] = piece.content_range
            await answer.prepare(request)
            while block := await piece.read(_PIECE):
                async with asyncio.timeout(_SLOW_S):
                    await answer.write(block)
            return answer
    except AwsError as error:
        log.info("video.unread", key=key, reason=str(error))
        raise web.HTTPNotFound(text="The video cannot be read.") from error
    except (ConnectionError, TimeoutError):
        # The browser has enough, or is too slow.
        if request.transport:
            request.transport.abort()
        raise


def _picture(jpeg: bytes | None) -> web.Response:
    if not jpeg:
        raise web.HTTPNotFound(text="No picture.")
    return web.Response(body=jpeg, headers=_PICTURE)


@asynccontextmanager
async def videos_open(app: web.Application) -> AsyncIterator[None]:
    """Keep a client of the bucket open, if there are credentials for one."""
    app[_STREAMS] = asyncio.Semaphore(STREAMS)
    try:
        async with reading_videos(STREAMS) as reader:
            app[_READER] = reader
            yield
    except CannotRun as error:
        log.info("videos.unavailable", reason=str(error))
        yield
