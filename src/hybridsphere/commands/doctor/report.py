"""The output of doctor: a line a check as it comes, or JSON."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from rich.console import Console

from hybridsphere.commands.doctor.check import Check
from hybridsphere.commands.doctor.doctor import Waiting, examine
from hybridsphere.commands.lines import print_item, print_json

MOST_THREADS = 32
THREAD_S = 0.5
"""How long the end waits for threads: a look-up of a name, or a disk, can hang for minutes."""


def run_doctor(console: Console, *, as_json: bool = False) -> bool:
    """Print every check; returns whether none is bad."""
    loop = asyncio.new_event_loop()
    # Look-ups of names that hang must not keep the disk from being checked.
    loop.set_default_executor(ThreadPoolExecutor(MOST_THREADS))
    try:
        well = loop.run_until_complete(print_checks(console, as_json=as_json))
    finally:
        loop.run_until_complete(_end_tasks())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    if _thread_hangs():
        # The interpreter would wait for it.
        console.file.flush()
        sys.stderr.flush()
        os._exit(0 if well else 1)
    return well


async def print_checks(console: Console, *, as_json: bool = False) -> bool:
    """Print a line a check as it comes; or, for JSON, all checks at the end."""
    checks: list[Check] = []
    with _progress(console, enabled=not as_json) as waiting:
        async for check in examine(waiting):
            checks.append(check)
            if not as_json:
                print_item(console, check.state, check.part, check.detail, check.remedy)
                console.file.flush()
    bad = sum(check.is_bad for check in checks)
    if as_json:
        report = {"well": not bad, "checks": [check.to_dict() for check in checks]}
        print_json(console, report)
    return not bad


@contextmanager
def _progress(console: Console, *, enabled: bool) -> Iterator[Waiting]:
    """Show on a terminal the part that is waited for."""
    if not (enabled and console.is_terminal):
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda part: status.update(f"waiting for: {part}")


async def _end_tasks() -> None:
    """Cancel the checks that still run, as after Ctrl-C or once nobody reads the output."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _thread_hangs() -> bool:
    others = [one for one in threading.enumerate() if one is not threading.current_thread()]
    end = time.monotonic() + THREAD_S
    for thread in others:
        thread.join(max(0, end - time.monotonic()))
    return any(thread.is_alive() and not thread.daemon for thread in others)
