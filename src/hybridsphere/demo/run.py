"""The demo, step by step: an account, the function, the bridge, an upload, the checks."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridsphere.commands.students import load_students
from hybridsphere.demo.bridge import BridgeProcess, running_bridge
from hybridsphere.demo.home import running_home
from hybridsphere.demo.options import DemoOptions
from hybridsphere.demo.report import message, print_results, write_report
from hybridsphere.demo.stage import set_stage
from hybridsphere.errors import FAILED, CannotRun
from hybridsphere.files import obstacle_to
from hybridsphere.ledger.ledger import Upload
from hybridsphere.local import resources
from hybridsphere.local.account import LocalAccount
from hybridsphere.local.env_file import written
from hybridsphere.local.page import free_port, running_page
from hybridsphere.paths import OWN_FOLDER
from hybridsphere.screen import Screen, plain
from hybridsphere.settings import Settings
from hybridsphere.signals import STOPS
from hybridsphere.workload.check import Check, print_checks
from hybridsphere.workload.checks import run_checks
from hybridsphere.workload.evidence import newest_results, rows_that_count
from hybridsphere.workload.manifest import Manifest
from hybridsphere.workload.settle import wait_until_settled
from hybridsphere.workload.upload import upload_files

__all__ = ["DemoOptions", "run_demo"]

_RESULTS = Path("results") / "demo"
_STANDSTILL_S = resources.FUNCTION.timeout_s + 60
"""The longest wait without progress: one video may take as long as Lambda allows."""

_RETRY_SCALE = 0.01
"""The share of Lambda's delays of one and two minutes between attempts that the demo waits."""


def run_demo(options: DemoOptions) -> int:
    """Play a demo; return the exit code. Raises CannotRun or OSError if it cannot be played."""
    if options.report and (obstacle := obstacle_to(options.report)):
        raise CannotRun(f"--report {options.report}: {obstacle}")
    if options.home and options.source == "direct":
        raise CannotRun(
            "--home has no part in the source direct: the bucket invokes Lambda itself",
            hint="name the source queue or bucket",
        )
    try:
        with _private_files():
            return asyncio.run(_play(options))
    except asyncio.CancelledError:
        raise CannotRun("interrupted") from None


_OURS = ("AWS_", "HYBRIDSPHERE_")
"""The beginnings of the variables that name the account of the demo."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The end of a demo: each upload's newest result, the checks, the bridge's exit code."""

    results: list[Upload]
    checks: list[Check]
    bridge_exit_code: int

    @property
    def good(self) -> bool:
        return self.bridge_exit_code == 0 and all(check.passed for check in self.checks)


async def _play(options: DemoOptions) -> int:
    _end_upon_sigterm()
    folder = _results_folder(options.results)
    with _clean_environment():
        result = await _perform(options, folder)
    if options.report:
        write_report(options.report, result.checks, [message(row) for row in result.results])
    if not options.serve:
        _print(result.results, result.checks, folder)
    console = Screen()
    if result.bridge_exit_code:
        line = f"The bridge ended with exit code {result.bridge_exit_code}: see its log."
        console.print(plain(line, "bold red"))
    return 0 if result.good else FAILED


async def _perform(options: DemoOptions, folder: Path) -> DemoResult:
    """Play a demo between its options and its result; the environment names the local account."""
    own = _demo_folder(folder)
    own.mkdir(parents=True, exist_ok=True)
    console = Screen(stderr=True)
    with console.status("preparing videos and known faces"):
        try:
            stage = await set_stage(options, own)
        except (CannotRun, OSError):
            if options.results is None:
                shutil.rmtree(folder)
            raise
    workers = (options.workers or os.cpu_count() or 1) + options.home
    async with _account(options, stage.gallery, own / "function.log") as account:
        os.environ.update(account.environment())
        # The page asks the bridge by its port.
        http = f"127.0.0.1:{free_port() if options.serve else 0}"
        os.environ.update(HYBRIDSPHERE_RESULTS_DIR=str(folder), HYBRIDSPHERE_HTTP=http)
        settings = Settings.load()
        await load_students(stage.students, settings)
        async with AsyncExitStack() as open_ones:
            if options.home:
                home = running_home(account, options.home, own)
                os.environ.update(await open_ones.enter_async_context(home))
            bridge = await open_ones.enter_async_context(
                running_bridge(os.environ, own / "bridge.log")
            )
            if options.serve:
                told = {**os.environ, "HYBRIDSPHERE_GALLERY": str(stage.gallery.resolve())}
                page = await open_ones.enter_async_context(running_page(told, own / "page.log"))
                console.print(plain(f"The page is at {page}", "bold"), soft_wrap=True)
            manifest = await upload_files(stage.videos, settings, clear=False, console=console)
            settled = wait_until_settled(
                settings, manifest, console=console, standstill_s=_STANDSTILL_S
            )
            await _while_alive(settled, bridge, account)
            checks = await run_checks(settings, expectations=stage.expectations, workers=workers)
            results = _newest_results(folder, manifest)
            if options.serve:
                _print(results, checks, folder)
                await _while_alive(_until_stopped(own, console), bridge, account)
            exit_code = await bridge.stop(within_s=settings.drain_s + 5)
    return DemoResult(results, checks, exit_code)


async def _until_stopped(own: Path, console: Screen) -> None:
    """Keep a demo open until a signal ends it, which is no failure."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    file = own / "account.env"
    ours = {name: text for name, text in os.environ.items() if name.startswith(_OURS)}
    with written(file, ours):
        console.print(plain("To upload videos of your own, in another shell:"))
        console.print(
            plain(f"  set -a; . {file}; set +a; hybridsphere workload upload FOLDER"),
            soft_wrap=True,
        )
        console.print(plain("Ctrl-C ends the demo."))
        await stop.wait()


def _print(results: list[Upload], checks: list[Check], folder: Path) -> None:
    """Print the results and the checks."""
    messages = [message(row) for row in results]
    console = Screen()
    print_results(messages, console)
    print_checks(checks, console)
    console.print(plain(f"CSV files in {folder}, logs in {_demo_folder(folder)}"), soft_wrap=True)


@asynccontextmanager
async def _account(options: DemoOptions, gallery: Path, log: Path) -> AsyncIterator[LocalAccount]:
    with log.open("wb") as file:
        async with LocalAccount(
            gallery=gallery,
            workers=options.workers,
            retry_scale=_RETRY_SCALE,
            log=file.write,
            source=options.source,
            sink=options.sink,
            mode=options.mode,
        ) as account:
            yield account


async def _while_alive(
    work: Coroutine[Any, Any, object], bridge: BridgeProcess, account: LocalAccount
) -> None:
    """Wait for work that ends only while the bridge and the account live.

    Checks are still possible after the bridge's end, but not after the account's: raises CannotRun.
    """
    working = asyncio.ensure_future(work)
    ended = asyncio.ensure_future(bridge.ended())
    broken = asyncio.ensure_future(account.failure())
    try:
        await asyncio.wait({working, ended, broken}, return_when=asyncio.FIRST_COMPLETED)
        if broken.done():
            raise CannotRun(broken.result())
        if working.done():
            working.result()
    finally:
        for task in (working, ended, broken):
            task.cancel()
        await asyncio.gather(working, ended, broken, return_exceptions=True)


def _newest_results(folder: Path, manifest: Manifest) -> list[Upload]:
    """List the newest result of each upload, in the order of the manifest."""
    results = newest_results(rows_that_count(folder, manifest))
    return [results[file.key] for file in manifest.files if file.key in results]


def _results_folder(wanted: Path | None) -> Path:
    """Return the wanted folder, or a new one. Raises CannotRun for one with other results in it."""
    if wanted is not None:
        if wanted.exists() and not wanted.is_dir():
            raise CannotRun(f"--results {wanted}: this is a file", hint="name a folder")
        if wanted.exists() and any(wanted.iterdir()) and not _demo_folder(wanted).exists():
            raise CannotRun(
                f"--results {wanted} holds other files than those of a demo",
                hint="name another folder",
            )
        return wanted
    _RESULTS.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.name) for path in _RESULTS.iterdir() if path.name.isdecimal()]
    folder = _RESULTS / str(max(numbers, default=0) + 1)
    folder.mkdir()
    return folder


def _demo_folder(folder: Path) -> Path:
    """Return the folder of a demo's clips and logs."""
    return folder / OWN_FOLDER / "demo"


@contextmanager
def _private_files() -> Iterator[None]:
    """Keep new files private, those of child processes too: results and logs name people."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _clean_environment() -> Iterator[None]:
    """Hide the user's AWS account, and the variables of other bridges."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(_OURS):
            del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    # Programs that find both prefer the lower-case one.
    os.environ.update(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _end_upon_sigterm() -> None:
    """Let SIGTERM end the demo and all its processes, as Ctrl-C does."""
    play = asyncio.current_task()
    if play is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, play.cancel)
