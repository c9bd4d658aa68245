"""Commands forked from a process that has loaded them: a start takes 30 ms of CPU, not 600."""

import asyncio
import importlib.util
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

from hybridsphere.host import child

ROOT = Path(__file__).parents[1]
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["tests.preloaded"])


class Forked:
    """A process that runs `python -m MODULE ARGUMENTS`, with what the tests need of asyncio's.

    MODULE has a function `main`, or is a package with a module `__main__` that has one.
    """

    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader

    def __init__(self, module: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        # For --no-process.
        sys.audit("os.fork")
        self._pipes = [_FORKING.Pipe(duplex=False) for _ in range(2)]
        writers = [writer for _, writer in self._pipes]
        self._process = _FORKING.Process(
            target=_become, args=(module, list(arguments), dict(environ), *writers)
        )

    @classmethod
    async def start(
        cls, module: str, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> Self:
        """Start it with this environment, or with that of the tests."""
        forked = cls(module, arguments, os.environ if environ is None else environ)
        await forked._start()
        return forked

    async def _start(self) -> None:
        self._process.start()
        for _, writer in self._pipes:
            writer.close()
        self.stdout, self.stderr = [await _reader(pipe) for pipe, _ in self._pipes]

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid
        return pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; return the rest of its output."""
        output = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return output[0], output[1]

    async def wait(self) -> int:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        assert self.returncode is not None
        return self.returncode


async def _reader(pipe: Connection) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    file = os.fdopen(os.dup(pipe.fileno()), "rb", buffering=0)
    pipe.close()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )
    return reader


def _become(
    module: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    stdout: Connection,
    stderr: Connection,
) -> None:
    """Become the command, with this environment and output, for as long as the parent lives."""
    # The parent ends once nobody holds this.
    alive = forkserver._forkserver._forkserver_alive_fd  # type: ignore[attr-defined]
    os.close(alive)
    child._ask_to_die_with_parent()
    for pipe, number in ((stdout, 1), (stderr, 2)):
        os.dup2(pipe.fileno(), number)
        pipe.close()
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(ROOT)
    sys.argv = [module, *arguments]
    spec = importlib.util.find_spec(module)
    assert spec
    is_package = spec.submodule_search_locations is not None
    importlib.import_module(f"{module}.__main__" if is_package else module).main()
