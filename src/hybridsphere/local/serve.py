"""`hybridsphere local`: the account in the foreground, until somebody ends it."""

import asyncio
import os
import signal
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from hybridsphere.local.account import LocalAccount


class CommandFailed(Exception):
    """One of our own commands ended with an error; the text is what it said."""


def run_local(
    *, encodings: Path | None, students: Path | None, workers: int | None, env_file: Path | None
) -> int:
    """Serves until SIGTERM or SIGINT; the exit code. Raises CommandFailed if the known faces or
    the students could not be loaded.
    """
    return asyncio.run(_run(encodings, students, workers, env_file))


async def load_gallery(encodings: Path, folder: Path) -> Path:
    """Known faces in the form that the function takes: the file itself if it is one, else a new
    one in `folder`, made from the legacy pickle.
    """
    if zipfile.is_zipfile(encodings):
        return encodings
    gallery = folder / "gallery.npz"
    await _hybridsphere("gallery", "import", str(encodings), "-o", str(gallery))
    return gallery


async def load_students(account: LocalAccount, students: Path) -> None:
    await _hybridsphere("students", "load", str(students), environment=account.environment())


async def _run(
    encodings: Path | None, students: Path | None, workers: int | None, env_file: Path | None
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="hybridsphere-") as folder:
        gallery = None if encodings is None else await load_gallery(encodings, Path(folder))
        async with LocalAccount(gallery=gallery, workers=workers) as account:
            if students is not None:
                await load_students(account, students)
            _announce(account.environment(), env_file)
            return await _wait(account, stop)


def _announce(environment: Mapping[str, str], env_file: Path | None) -> None:
    if env_file is not None:
        _write_whole(env_file, "".join(f"{name}={text}\n" for name, text in environment.items()))
    for name, text in environment.items():
        sys.stdout.write(f"export {name}='{text}'\n")
    sys.stdout.flush()


def _write_whole(path: Path, text: str) -> None:
    """Writes a file in one step: whoever waits for it never sees half of it."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        file.write(text)
    Path(file.name).replace(path)


async def _wait(account: LocalAccount, stop: asyncio.Event) -> int:
    failed = asyncio.create_task(account.failure())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({failed, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if stopped.done():
        failed.cancel()
        return 0
    stopped.cancel()
    sys.stderr.write(f"hybridsphere local: {failed.result()}\n")
    return 1


async def _hybridsphere(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Runs one of our own commands. In a process, because the gallery commands alone may import
    the function's packages, and these are large.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hybridsphere", *arguments),
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise CommandFailed(
            f"hybridsphere {' '.join(arguments)}: {output.decode(errors='replace').strip()}"
        )
