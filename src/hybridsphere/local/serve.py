"""`hybridsphere local`: the account in the foreground, until a signal ends it."""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from hybridsphere.console import complain, note, tell
from hybridsphere.local.account import LocalAccount, Mode
from hybridsphere.local.commands import load_gallery, run_command
from hybridsphere.local.env_file import remove_stale, written
from hybridsphere.local.page import running_page
from hybridsphere.local.scratch import scratch_folder
from hybridsphere.signals import STOPS

_NOBODY_KNOWN = (
    "without --encodings nobody is known, and every face ends as unknown_face; "
    "`hybridsphere enroll PHOTOS -o gallery.npz` makes known faces"
)


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """The options of `hybridsphere local`; None leaves a part out, or takes its default."""

    encodings: Path | None = None
    students: Path | None = None
    workers: int | None = None
    env_file: Path | None = None
    mode: Mode = "identify"
    page: bool = False


def run_local(options: LocalOptions) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code.

    Raises CannotRun, which is CommandFailed if the known faces or the students cannot be loaded.
    """
    if options.env_file is not None:
        remove_stale(options.env_file)
    return asyncio.run(_serve_until_stopped(options))


async def _serve_until_stopped(options: LocalOptions) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(_serve(options))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (serving, stopped):
        task.cancel()
    await asyncio.wait({serving, stopped})
    # Ctrl-C in a terminal ends the child commands too, which is not a failure.
    if stop.is_set():
        return 0
    complain(serving.result())
    return 1


async def _serve(options: LocalOptions) -> str:
    """Start the account and keep it until it breaks down; return the reason."""
    encodings, students = options.encodings, options.students
    with scratch_folder() as folder:
        gallery = None if encodings is None else await load_gallery(encodings, folder)
        async with LocalAccount(
            gallery=gallery, workers=options.workers, mode=options.mode
        ) as account:
            if students is not None:
                await run_command(
                    "students", "load", str(students), environment=account.environment()
                )
            if encodings is None:
                note(_NOBODY_KNOWN)
            environment = account.environment()
            env_file = options.env_file
            with nullcontext() if env_file is None else written(env_file, environment):
                async with AsyncExitStack() as stack:
                    if options.page:
                        log = folder / "page.log"
                        place = running_page(_told(environment, gallery), log)
                        tell(f"the page is at {await stack.enter_async_context(place)}")
                    _announce(environment)
                    return await account.failure()


def _told(environment: Mapping[str, str], gallery: Path | None) -> dict[str, str]:
    """Return the environment of a page, which may change the gallery of its function."""
    own = {"HYBRIDSPHERE_GALLERY": str(gallery)} if gallery else {}
    return {**os.environ, **environment, **own}


def _announce(environment: Mapping[str, str]) -> None:
    for name, text in environment.items():
        sys.stdout.write(f"export {name}='{text}'\n")
    sys.stdout.flush()
    # Not to standard output, which is for `eval`.
    tell("ready; Ctrl-C ends the account")
