"""A disk that fails as a test says, for programs that are started with a library before libc's."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stage import Log

HERE = Path(__file__).parent


@dataclass
class Faults:
    """The library, and the rules by which calls fail."""

    library: Path
    rules: Path

    @classmethod
    def compiled(cls, folder: Path) -> "Faults":
        """Compile the library; skip the test where there is no compiler for Linux."""
        if not shutil.which("gcc") or sys.platform != "linux":
            pytest.skip("needs gcc, on Linux, for a library that makes calls fail")
        library = folder / "faults.so"
        command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "faults.c")]
        subprocess.run([*command, "-ldl"], check=True)
        (folder / "rules").touch()
        return cls(library, folder / "rules")

    def set(self, *rules: tuple[str, str, int, int, int]) -> None:
        """Make calls fail, each by its name and its path's end: with which error, how often (0:
        always), after how many that work.

        Replaces the rules before; how often each has failed is counted by its place here.
        """
        text = "".join(f"{' '.join(map(str, rule))}\n" for rule in rules)
        new = self.rules.with_suffix(".new")
        new.write_text(text)
        new.replace(self.rules)

    def environment(self, folded: Path | None = None) -> dict[str, str]:
        """The variables of a program under these faults; names below `folded` ignore case."""
        return {
            **os.environ,
            "LD_PRELOAD": str(self.library),
            "FAULTS": str(self.rules),
            **({"FOLDED": str(folded)} if folded else {}),
        }

    @asynccontextmanager
    async def storing(
        self, results: Path, *keys: str, folded: bool = False
    ) -> AsyncIterator["StoreProcess"]:
        """A store at work in a process of its own, which stores a result for each key."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.disk_faults.storing", str(results), " ".join(keys)),
            env=self.environment(results if folded else None),
            stdout=asyncio.subprocess.PIPE,
            cwd=HERE.parents[1],
        )
        log = StoreProcess(process)
        reading = asyncio.create_task(log.read())
        try:
            yield log
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading


class StoreProcess(Log):
    """The log of a store in another process; its last event is `stored`, if it comes so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__()
        self.process = process

    async def read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            self.add(json.loads(line))
        self.end()
