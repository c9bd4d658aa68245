"""A person in galleries: files, and objects in every version."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hybridsphere.commands.forget.account import Account, Found
from hybridsphere.commands.forget.trace import Trace
from hybridsphere.commands.gallery_place import change_gallery, parts_of
from hybridsphere.errors import CannotRun
from hybridsphere.recognition.gallery import Gallery, GalleryError


class InGallery(NamedTuple):
    """The traces of a person in a gallery: rows in the current one, and versions that have any."""

    place: str
    rows: int
    versions: list[Found]

    @property
    def is_empty(self) -> bool:
        return not self.rows and not self.versions


async def find_in(place: str, trace: Trace, account: Account | None) -> InGallery:
    """Search a gallery, an object in every version. Raises CannotRun."""
    if not place.startswith("s3://"):
        try:
            known = Gallery.load(Path(place))
        except GalleryError as error:
            raise CannotRun(str(error)) from error
        return InGallery(place, len(_rows_of(known, trace)), [])
    if account is None:
        raise CannotRun(f"{place} cannot be searched without an account")
    rows, versions = 0, []
    async for found, known in account.gallery_versions(*parts_of(place)):
        own = _rows_of(known, trace)
        versions.append(found)
        if found.version.latest:
            rows = len(own)
    return InGallery(place, rows, versions)


async def forget_in(found: InGallery, trace: Trace, account: Account | None) -> None:
    """Take the person out of a gallery, and delete the versions that had them."""
    if found.rows:
        await change_gallery(found.place, lambda known: without(known, trace))
    if account and found.place.startswith("s3://"):
        # In a bucket without versions none is left by now.
        async for version, _ in account.gallery_versions(*parts_of(found.place)):
            await account.delete_version(version)


def without(known: Gallery, trace: Trace) -> Gallery:
    """Return a gallery without the person."""
    return known.without_rows(_rows_of(known, trace))


def _rows_of(known: Gallery, trace: Trace) -> Sequence[int]:
    """List the rows of a person, and have their embeddings searched for."""
    rows = [at for at, name in enumerate(known.names) if name in trace.names]
    trace.remember_looks(known.embeddings[at].tobytes() for at in rows)
    return rows
