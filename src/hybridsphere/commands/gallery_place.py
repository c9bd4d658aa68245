"""A gallery that a command changes: a file, or an object in S3 under a condition."""

import fcntl
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hybridsphere.aws.one_shot import REFUSAL, client, code_of, concerning
from hybridsphere.errors import CannotRun, CannotRunNow
from hybridsphere.files import naming
from hybridsphere.recognition.gallery import Gallery, GalleryError

_ATTEMPTS = 5

Change = Callable[[Gallery], Gallery]


async def change_gallery(place: str, change: Change) -> Gallery:
    """Change the gallery at a path or `s3://bucket/key`; returns the new one.

    A missing file counts as an empty gallery. An object is replaced only if nobody else has changed
    it meanwhile, else the change is repeated. Raises CannotRun.
    """
    try:
        if place.startswith("s3://"):
            return await _change_object(place, change)
        return _change_file(Path(place), change)
    except GalleryError as error:
        raise CannotRun(str(error)) from error


def parts_of(place: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`. Raises CannotRun."""
    bucket, _, key = place.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise CannotRun(f"{place}: a gallery in S3 is given as s3://bucket/key")
    return bucket, key


def _change_file(path: Path, change: Change) -> Gallery:
    with naming(path), _alone_in(path.parent):
        known = Gallery.load(path) if path.exists() else Gallery.empty()
        changed = change(known)
        changed.save(path)
    return changed


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other programs from changing a gallery of the folder meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Closing the folder ends the lock, so that it is left by no crash.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


async def _change_object(place: str, change: Change) -> Gallery:
    bucket, key = parts_of(place)
    async with client("s3") as s3:
        for _ in range(_ATTEMPTS):
            with concerning(place):
                answer = await s3.get_object(Bucket=bucket, Key=key)
                content = await answer["Body"].read()
            changed = change(Gallery.read(io.BytesIO(content), place))
            try:
                await s3.put_object(
                    Bucket=bucket, Key=key, Body=changed.to_bytes(), IfMatch=answer["ETag"]
                )
            except REFUSAL as error:
                if code_of(error) in {"PreconditionFailed", "ConditionalRequestConflict"}:
                    continue
                raise
            return changed
    raise CannotRunNow(f"{place}: others keep changing it", hint="try again")
