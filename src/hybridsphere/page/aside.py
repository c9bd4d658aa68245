"""Heavy work of the page, in a child process with bounds on time and memory, one at a time."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from hybridsphere.errors import CannotRun, CannotRunNow
from hybridsphere.settings import Settings, variable

WAITING = 4
"""Tasks that wait for their turn; a further one is refused."""

_LOGGED = 2000
_SETTINGS = ("results_dir", "output_bucket", "table", "gallery")

log = structlog.get_logger()


class Aside:
    """Runs tasks of `hybridsphere.commands.aside`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()
        self._asked = 0

    async def run(self, work: str, seconds: int, **task: Any) -> dict[str, Any]:
        """Do a task; returns what came of it. Raises CannotRun with the reason.

        A visitor who leaves before the end does not stop the work.
        """
        if self._asked > WAITING:
            raise CannotRunNow("too much is asked of this page at once", hint="try again")
        self._asked += 1
        working = asyncio.create_task(self._in_turn(work, seconds, task))
        working.add_done_callback(self._done)
        return await asyncio.shield(working)

    def _done(self, working: asyncio.Task[Any]) -> None:
        self._asked -= 1
        if not working.cancelled():
            # Nobody may be left to hear of it.
            working.exception()

    async def _in_turn(self, work: str, seconds: int, task: Mapping[str, Any]) -> dict[str, Any]:
        async with self._turn:
            outcome = await self._child(work, seconds, task)
        if "fault" in outcome:
            raise CannotRun(outcome["fault"], hint=outcome["hint"])
        return outcome

    async def _child(self, work: str, seconds: int, task: Mapping[str, Any]) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hybridsphere.commands.aside",
            env=_environment(self._settings),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        request = json.dumps({"work": work, "seconds": seconds, **task}).encode()
        try:
            async with asyncio.timeout(seconds):
                out, err = await process.communicate(request)
        except TimeoutError:
            raise CannotRun(
                f"this took longer than {seconds} seconds, and was ended", hint="give less at once"
            ) from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        try:
            outcome: dict[str, Any] = json.loads(out)
        except ValueError:
            log.warning(
                "aside.failed",
                work=work,
                exit_code=process.returncode,
                output=err[-_LOGGED:].decode(errors="replace"),
            )
            raise CannotRun(
                "this ended in the middle: it needed too much time or memory, or a file is hostile",
                hint="give fewer or smaller files, or look into the page's log",
            ) from None
        return outcome


def _environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a child, with the settings of this page."""
    ours = {variable(name): str(getattr(settings, name) or "") for name in _SETTINGS}
    return {**os.environ, **ours}
