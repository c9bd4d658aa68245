"""Our own commands, as processes.

The gallery commands alone may import the function's package, and that is large.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hybridsphere.console import tell
from hybridsphere.errors import CannotRun
from hybridsphere.local import child


class CommandFailed(CannotRun):
    """One of our own commands ended with an error; the text is what it said."""


async def run_command(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Run `hybridsphere` with these arguments; raises CommandFailed unless it exits with 0.

    What it has to say to people is said here, what it prints is not.
    """
    process = await asyncio.create_subprocess_exec(
        *child.command([sys.executable, "-m", "hybridsphere", *arguments]),
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await process.communicate()
    except asyncio.CancelledError:
        # Something else went wrong meanwhile: nobody waits for it any more.
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
        raise
    told = errors.decode(errors="replace").strip()
    if process.returncode:
        raise CommandFailed(told.removeprefix("hybridsphere: "))
    if told:
        tell(told)


async def load_gallery(encodings: Path, folder: Path) -> Path:
    """Known faces in the form that the function takes, in `folder`: whatever becomes of the file,
    the function has them. Raises CommandFailed for a file that holds none in either form.
    """
    gallery = folder / "gallery.npz"
    try:
        await run_command("gallery", "import", str(encodings), "-o", str(gallery))
    except CommandFailed as error:
        raise CommandFailed(
            f"--encodings {error}. Known faces are a gallery, which `hybridsphere enroll PHOTOS -o "
            "gallery.npz` makes, or the legacy pickle"
        ) from None
    return gallery
