"""Every check of a configuration, in the order of the report."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

from hybridsphere.aws import Aws
from hybridsphere.commands.doctor.bridge import check_bridge
from hybridsphere.commands.doctor.check import Check
from hybridsphere.commands.doctor.clock import AwsClock
from hybridsphere.commands.doctor.credentials import judge_credentials, open_clients
from hybridsphere.commands.doctor.results_folder import check_folder
from hybridsphere.commands.doctor.services import ANSWER_S, Probe, Services
from hybridsphere.commands.doctor.variables import check_variables
from hybridsphere.settings import Settings
from hybridsphere.troubles import Symptom

Waiting = Callable[[str], None]
"""Called with the name of the part that is waited for."""


async def examine(waiting: Waiting = lambda _: None) -> AsyncIterator[Check]:
    """Check every part that the bridge needs; all at once, reported in a fixed order."""
    settings, problems = Settings.usable()
    wrong = {problem.field for problem in problems}
    for check in check_variables(settings, problems, os.environ):
        yield check
    local = _started(_local(settings, wrong))
    async with AsyncExitStack() as stack:
        connecting = asyncio.create_task(open_clients(stack, settings))
        reported = set()
        async for check in _in_order(local, waiting):
            reported.add(_trouble(check))
            yield check
        waiting("credentials")
        async for check in _services(await connecting, Services(settings, wrong), waiting):
            # The bridge has reported the same already.
            if not (check.is_bad and _trouble(check) in reported):
                yield check


def _trouble(check: Check) -> tuple[str, Symptom | None]:
    """Name a check's trouble: the part, and the symptom if it is bad."""
    return check.part, check.remedy.symptom if check.remedy else None


def _local(settings: Settings, wrong: set[str]) -> dict[str, Coroutine[Any, Any, list[Check]]]:
    """Return the checks of this machine."""
    checks: dict[str, Coroutine[Any, Any, list[Check]]] = {}
    if "results_dir" not in wrong:
        checks["disk"] = _check_folder(settings)
    if "http" not in wrong:
        checks["address"] = check_bridge(settings)
    return checks


async def _check_folder(settings: Settings) -> list[Check]:
    """Check the folder in a thread: a disk that hangs answers nobody."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await asyncio.to_thread(check_folder, settings)
    except TimeoutError:
        detail = f"{settings.results_dir.absolute()} has not answered within {ANSWER_S:g} s"
        fix = "see to the disk, or the server that it is on"
        return [Check.bad("disk", detail, fix, Symptom.FOLDER)]


async def _services(aws: Aws | Check, services: Services, waiting: Waiting) -> AsyncIterator[Check]:
    """Check the services, and by their answers the credentials and the clock."""
    if isinstance(aws, Check):
        yield aws
        for part in services.probes():
            yield Check.note(part, "not asked: there are no credentials")
        yield Check.note("clock", "not compared: there are no credentials")
        return
    clock = AwsClock(aws)
    tasks = _started({part: _probed(probe, aws) for part, probe in services.probes().items()})
    answers = []
    async for check in _in_order(tasks, waiting):
        answers.append(check)
        yield check
    yield judge_credentials(answers)
    yield clock.check()


async def _probed(probe: Probe, aws: Aws) -> list[Check]:
    return await probe(aws)


def _started(
    checks: Mapping[str, Coroutine[Any, Any, list[Check]]],
) -> dict[str, "asyncio.Task[list[Check]]"]:
    return {part: asyncio.create_task(check) for part, check in checks.items()}


async def _in_order(
    checks: Mapping[str, Awaitable[list[Check]]], waiting: Waiting
) -> AsyncIterator[Check]:
    for part, found in checks.items():
        waiting(part)
        for check in await found:
            yield check
