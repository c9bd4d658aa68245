"""Whether this configuration could work: one finding a part, with the remedy."""

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from hybridsphere.aws import connect
from hybridsphere.commands.bridge_client import asked
from hybridsphere.commands.doctor.check import Finding
from hybridsphere.commands.doctor.services import examine_services
from hybridsphere.errors import CannotRunNow, ConfigurationError
from hybridsphere.files import remedy_for, try_out
from hybridsphere.ledger.file import LedgerError, refuse_remains
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.screen import plain
from hybridsphere.settings import Problem, Settings, unknown_variables, variable
from hybridsphere.sockets import remedy_for_address, try_listening

LEAST_FREE_BYTES = 100_000_000


async def examine() -> AsyncIterator[Finding]:
    """Look at every part that the bridge needs, as the environment has it."""
    settings, problems = Settings.usable()
    wrong = {problem.field for problem in problems}
    for finding in _variables(settings, problems):
        yield finding
    if "results_dir" not in wrong:
        yield _disk(settings.results_dir.absolute())
        for finding in _ledger(settings):
            yield finding
    if settings.http and "http" not in wrong:
        yield await _address(settings.http, settings.input_bucket)
    try:
        async with connect(polls=1, invocations=1, invocation_type=settings.invocation_type) as aws:
            yield Finding("credentials", "there are some; what they allow is told below")
            async for finding in examine_services(aws, settings, wrong):
                yield finding
    except ConfigurationError as error:
        yield Finding("credentials", str(error), "see docs/configuration.md")
    except CannotRunNow as error:
        yield Finding("credentials", str(error), "see to the program or service that gives them")


async def print_findings(console: Console) -> bool:
    """Print a line a finding as it comes; whether all is well."""
    all_well = True
    async for finding in examine():
        all_well = all_well and finding.well
        mark = Text("ok  ", "green") if finding.well else Text("BAD ", "bold red")
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        console.print(mark + plain(f"{finding.part}: {finding.detail}{remedy}"))
    return all_well


def _variables(settings: Settings, problems: Sequence[Problem]) -> list[Finding]:
    """A finding for each variable that is wrong, missing or unknown; one if none is."""
    findings = [Finding("variables", one.detail, one.remedy) for one in problems]
    for name, nearest in unknown_variables(os.environ).items():
        meant = f"; {nearest} may be meant" if nearest else ""
        findings.append(Finding("variables", f"{name} is unknown", f"correct or remove it{meant}"))
    way = f"source {settings.source} and sink {settings.sink}"
    return findings or [Finding("variables", f"all are set that {way} need")]


def _disk(folder: Path) -> Finding:
    try:
        try_out(folder)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(
            "disk", f"{folder}: {error.strerror}", remedy_for(error, variable("results_dir"))
        )
    detail = f"{free / 1e9:.1f} GB free in {folder}"
    return Finding("disk", detail, "make room" if free < LEAST_FREE_BYTES else "")


def _ledger(settings: Settings) -> Iterator[Finding]:
    """What a bridge would say of the ledger at its start; it is only read."""
    folder, bucket = settings.results_dir, settings.input_bucket
    path = ledger_path(folder)
    try:
        refuse_remains(path)
        if not path.exists():
            return
        with Ledger.read(folder) as ledger:
            owner = ledger.owner(bucket or "")
    except LedgerError as error:
        yield Finding("ledger", error.detail, error.remedy)
        return
    except OSError as error:
        yield Finding("ledger", f"{path}: {error.strerror}", "read it as the bridge's user")
        return
    if bucket and owner not in {None, bucket}:
        detail = (
            f"{variable('results_dir')}={str(folder)!r} is the folder of the bucket {owner}, "
            f"and {variable('input_bucket')} is {bucket}"
        )
        yield Finding("ledger", detail, "name another folder")
        return
    yield Finding("ledger", f"{path} can be read")


async def _address(address: tuple[str, int], bucket: str | None) -> Finding:
    """Whether a bridge could listen, or one of this bucket does; nobody is answered meanwhile."""
    part, where = "address", f"{address[0]}:{address[1]}"
    try:
        await try_listening(address)
    except (OSError, UnicodeError) as error:
        detail = f"{variable('http')}={where} cannot be listened on: {error}"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            bridge = await asyncio.to_thread(asked, address)
            serves = bridge.input_bucket
            if serves and serves == bucket:
                return Finding(part, f"a bridge of this bucket listens at {where}: {bridge.answer}")
            owner = f"the one that answers serves {serves}" if serves else bridge.answer
            detail = f"{detail}; {owner}"
        return Finding(part, detail, remedy_for_address(error))
    return Finding(part, f"{where} can be listened on")
