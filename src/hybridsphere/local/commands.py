"""Our own commands, as processes.

The gallery commands alone may import the function's package, and that is large.
"""

import asyncio
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from hybridsphere.errors import CannotRun
from hybridsphere.local import child


class CommandFailed(CannotRun):
    """One of our own commands ended with an error; the text is what it said."""


async def run_command(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Run `hybridsphere` with these arguments; raises CommandFailed unless it exits with 0."""
    process = await asyncio.create_subprocess_exec(
        *child.command([sys.executable, "-m", "hybridsphere", *arguments]),
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise CommandFailed(output.decode(errors="replace").strip().removeprefix("hybridsphere: "))


async def load_gallery(encodings: Path, folder: Path) -> Path:
    """Known faces in the form that the function takes: the file itself if it is one, else a new
    one in `folder`, made from the legacy pickle.
    """
    if zipfile.is_zipfile(encodings):
        return encodings
    gallery = folder / "gallery.npz"
    await run_command("gallery", "import", str(encodings), "-o", str(gallery))
    return gallery
