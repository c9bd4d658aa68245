"""sqs-consumer, the best-known consumer of queues on Node, put where it can run.

npm installs the versions of `node/package.json` into `bench/out/node`, once, and writes nothing
elsewhere.
"""

import shutil
import subprocess
from pathlib import Path

_SOURCES = Path(__file__).with_name("node")
_INSTALL = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
_INSTALL_S = 60
_LINES_SHOWN = 3


class NoNode(Exception):
    """Why there is nothing to measure; its text is for the row."""


def command(out: Path) -> list[str]:
    """The command line of the consumer, installed below `out` by its first use. Raises NoNode."""
    programs = {name: shutil.which(name) for name in ("node", "npm")}
    for name, program in programs.items():
        if program is None:
            raise NoNode(f"not measured: there is no {name} on the PATH")
    folder = out / "node"
    shutil.copytree(_SOURCES, folder, dirs_exist_ok=True)
    if not _installed(folder):
        _install(str(programs["npm"]), folder)
    return [str(programs["node"]), str(folder / "bridge.js")]


def _installed(folder: Path) -> bool:
    mark = folder / "installed.json"
    return mark.exists() and mark.read_bytes() == (folder / "package.json").read_bytes()


def _install(npm: str, folder: Path) -> None:
    cache = f"--cache={folder / 'cache'}"
    try:
        done = subprocess.run(
            [npm, *_INSTALL, cache],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoNode(f"not measured: npm took more than {_INSTALL_S} s") from error
    if done.returncode:
        last_lines = " ".join(done.stderr.splitlines()[-_LINES_SHOWN:])
        raise NoNode(f"not measured: npm could not install it: {last_lines}")
    shutil.rmtree(folder / "cache", ignore_errors=True)
    shutil.copyfile(folder / "package.json", folder / "installed.json")
