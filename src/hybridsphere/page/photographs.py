"""Photographs that somebody sends: kept in a private folder for the engine, and for no longer."""

import asyncio
import io
import re
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from aiohttp import web
from aiohttp.web_request import FileField

from hybridsphere.errors import CannotRun
from hybridsphere.messages import UnusableName, name_form
from hybridsphere.page.site import Site
from hybridsphere.recognition.gallery import Gallery

MOST = 100
"""Photographs of one form."""

LONGEST_NAME = 200

_START_S = 30
_EACH_S = 4
_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_LINE = re.compile(r"(\d{4})/(\d{4})\S*: (.*)", re.DOTALL)
_PLACE = re.compile(r"'[^']*/\d{4}/\d{4}[^']*'")


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file of a form: its name there, the person's name, the content."""

    file: str
    person: str
    content: io.IOBase


@dataclass(frozen=True, slots=True)
class Examined:
    """The faces of photographs, and what the engine says of each file."""

    gallery: Gallery
    remarks: Sequence[tuple[str, str]]
    sent: int


def photographs_of(request_form: Mapping[str, object], files: Sequence[object]) -> list[Photograph]:
    """Read the files of a form; without a name each is named after its person.

    Raises HTTPUnprocessableEntity.
    """
    sent = [one for one in files if isinstance(one, FileField)]
    if not sent:
        raise web.HTTPUnprocessableEntity(text="Choose at least one photograph.")
    if len(sent) > MOST:
        raise web.HTTPUnprocessableEntity(
            text=f"These are {len(sent)} photographs; send at most {MOST} at once."
        )
    name = str(request_form.get("name", "")).strip()
    return [
        Photograph(_base(one), name_of(name or _person(one)), one.file)  # type: ignore[arg-type]
        for one in sent
    ]


def name_of(text: str) -> str:
    """Return the one form of a new name. Raises HTTPUnprocessableEntity."""
    if len(text) > LONGEST_NAME:
        raise web.HTTPUnprocessableEntity(
            text=f"A name has at most {LONGEST_NAME} characters; this one has {len(text)}."
        )
    try:
        return name_form(text)
    except UnusableName as error:
        raise web.HTTPUnprocessableEntity(text=f"This cannot be a name: {error}.") from error


async def examine(site: Site, photographs: Sequence[Photograph], engine: str) -> Examined:
    """Find and encode the faces, in a child process. Raises CannotRun."""
    people = list(dict.fromkeys(one.person for one in photographs))
    async with _folder() as folder:
        places = await asyncio.to_thread(_write, folder / "photos", photographs, people)
        output = folder / "gallery.npz"
        outcome = await site.aside.run(
            "enroll",
            _START_S + _EACH_S * len(photographs),
            photos=str(folder / "photos"),
            output=str(output),
            engine=engine,
        )
        found = await asyncio.to_thread(Gallery.load, output) if output.exists() else None
    remarks = list(_remarks(outcome["lines"], places))
    if found is None:
        said = "; ".join(f"{file}: {text}" for file, text in remarks) or "no face was found"
        raise CannotRun(f"nobody could be enrolled: {said}")
    names = [people[int(number)] for number in found.names]
    return Examined(Gallery(names, found.embeddings, found.space), remarks, len(photographs))


def _base(file: FileField) -> str:
    return PurePosixPath(file.filename.replace("\\", "/")).name[:100]


def _person(file: FileField) -> str:
    """Take the name from a file: `ada.jpg`, or `class/ada/1.jpg` where a folder was sent."""
    path = PurePosixPath(file.filename.replace("\\", "/"))
    parts = [part for part in path.parts if part not in {"/", "..", "."}]
    if not parts:
        return ""
    return parts[-2] if len(parts) > 2 else PurePosixPath(parts[-1]).stem


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    folder = await asyncio.to_thread(TemporaryDirectory, prefix="hybridsphere-")
    try:
        yield Path(folder.name)
    finally:
        await asyncio.to_thread(folder.cleanup)


def _write(
    folder: Path, photographs: Sequence[Photograph], people: Sequence[str]
) -> dict[tuple[str, str], str]:
    """Write files under numbers: no name of theirs may lead anywhere; returns their names."""
    places = {}
    for number, one in enumerate(photographs):
        person = f"{people.index(one.person):04}"
        suffix = PurePosixPath(one.file).suffix.lower()
        place = folder / person / f"{number:04}{suffix if _SUFFIX.fullmatch(suffix) else ''}"
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as file:
            shutil.copyfileobj(one.content, file)
        places[person, f"{number:04}"] = one.file
    return places


def _remarks(
    lines: Sequence[str], places: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, str]]:
    for line in lines:
        if found := _LINE.fullmatch(line):
            # The place is ours alone.
            text = _PLACE.sub("it", found[3])
            yield places.get((found[1], found[2]), "a photograph"), text
        else:
            yield "", line
