"""The gallery that a command compares with: a file, or an object of S3."""

import asyncio
import io
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from hybridsphere.aws.one_shot import REFUSAL, client, concerning, status_of
from hybridsphere.commands.gallery_place import parts_of
from hybridsphere.errors import CannotRun
from hybridsphere.recognition.gallery import Gallery, GalleryError

_MOST_BYTES = 256 * 2**20
"""Far more than the largest gallery that the function loads."""


def read_gallery(location: str | None) -> Gallery:
    """Read a gallery from a path or `s3://bucket/key`, without people whose consent has ended.

    Raises CannotRun.
    """
    return read_whole_gallery(location).consenting(datetime.now(UTC).date())


def read_whole_gallery(location: str | None) -> Gallery:
    """Read a gallery with all its people. Raises CannotRun."""
    if not location:
        raise CannotRun(
            "no gallery is named", hint="name one with --gallery, or set HYBRIDSPHERE_GALLERY"
        )
    try:
        if location.startswith("s3://"):
            return asyncio.run(_read_object(location))
        return Gallery.load(Path(location))
    except GalleryError as error:
        raise CannotRun(str(error), hint=_hint(location)) from error


async def _read_object(location: str) -> Gallery:
    bucket, key = parts_of(location)
    async with client("s3") as s3:
        with concerning(location):
            try:
                answer = await s3.get_object(Bucket=bucket, Key=key)
            except REFUSAL as error:
                if status_of(error) != HTTPStatus.NOT_FOUND:
                    raise
                raise CannotRun(
                    f"{location} is not there", hint="look at the address of the gallery"
                ) from error
            if answer["ContentLength"] > _MOST_BYTES:
                raise CannotRun(f"{location} has {answer['ContentLength']} bytes: no gallery")
            async with answer["Body"] as body:
                content = await body.read()
    return Gallery.read(io.BytesIO(content), location)


def _hint(location: str) -> str:
    if location.startswith("s3://") or Path(location).exists():
        return "`hybridsphere gallery import` makes a gallery of a pickle, `enroll` one of photos"
    # The path of the function's image, perhaps.
    return "--gallery names a file on this machine, or s3://bucket/key"
