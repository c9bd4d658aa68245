"""Our own commands, as child processes: only they import the function's package, which is large."""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hybridsphere.console import tell
from hybridsphere.errors import CannotRun
from hybridsphere.host import child


class CommandFailed(CannotRun):
    """A failed command; the message and the hint are its own."""


async def run_command(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Run `hybridsphere` with these arguments; raises CommandFailed unless it exits with 0.

    Its notes are printed to standard error, its standard output is dropped.
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
        # Something else failed meanwhile, and nobody waits for the command.
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
        raise
    notes, error, hint = _parts(errors.decode(errors="replace"))
    if notes:
        tell(notes)
    if process.returncode:
        raise CommandFailed(error, hint=hint)


def _parts(output: str) -> tuple[str, str, str]:
    """Split what a command printed to standard error: notes, the error, the hint."""
    notes, found, rest = f"\n{output}".partition("\nerror: ")
    # A child that dies of a signal may have printed anything.
    error, _, hint = (rest if found else "it ended without an error").partition("\nhint: ")
    return notes.strip(), error.strip(), hint.strip()


async def load_gallery(encodings: Path, folder: Path) -> Path:
    """Import known faces into `folder`, in the form that the function reads; return the file.

    The function keeps them if the original is removed. Raises CommandFailed for a file that is
    neither a gallery nor the legacy pickle.
    """
    gallery = folder / "gallery.npz"
    try:
        await run_command("gallery", "import", str(encodings), "-o", str(gallery))
    except CommandFailed as error:
        raise CommandFailed(
            f"--encodings {error.message}",
            hint="give a gallery, which `hybridsphere enroll PHOTOS -o gallery.npz` makes, or the "
            "legacy pickle",
        ) from None
    return gallery
