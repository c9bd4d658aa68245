"""`hybridsphere local`: the account in the foreground, until somebody ends it."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from hybridsphere.files import write_whole
from hybridsphere.local.account import LocalAccount
from hybridsphere.local.commands import load_gallery, run_command
from hybridsphere.local.scratch import scratch_folder
from hybridsphere.streams import tell

_NOBODY_KNOWN = (
    "hybridsphere local: no --encodings: nobody is known, every face ends as an unknown_face; "
    "`hybridsphere enroll PHOTOS -o gallery.npz` makes known faces of photos"
)


def run_local(
    *, encodings: Path | None, students: Path | None, workers: int | None, env_file: Path | None
) -> int:
    """Serves until SIGTERM or SIGINT; the exit code. Raises CommandFailed if the known faces or
    the students could not be loaded.
    """
    return asyncio.run(_run(encodings, students, workers, env_file))


async def _run(
    encodings: Path | None, students: Path | None, workers: int | None, env_file: Path | None
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    with scratch_folder() as folder:
        gallery = None if encodings is None else await load_gallery(encodings, folder)
        async with LocalAccount(gallery=gallery, workers=workers) as account:
            if students is not None:
                await run_command(
                    "students", "load", str(students), environment=account.environment()
                )
            if encodings is None:
                tell(_NOBODY_KNOWN)
            _announce(account.environment(), env_file)
            return await _wait(account, stop)


def _announce(environment: Mapping[str, str], env_file: Path | None) -> None:
    if env_file is not None:
        write_whole(env_file, "".join(f"{name}={text}\n" for name, text in environment.items()))
    for name, text in environment.items():
        sys.stdout.write(f"export {name}='{text}'\n")
    sys.stdout.flush()
    # Standard output is for `eval`.
    sys.stderr.write("hybridsphere local: ready, for as long as this runs; Ctrl-C ends it\n")
    sys.stderr.flush()


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
