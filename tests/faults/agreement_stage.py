"""A bridge with a fault, and what `/readyz`, status and doctor say of it."""

import asyncio
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from rich.console import Console

from hybridsphere.commands.doctor.check import Check
from hybridsphere.commands.doctor.doctor import examine
from hybridsphere.commands.status import show_status
from hybridsphere.ledger.ledger import LedgerError
from hybridsphere.settings import Settings
from tests.stage import is_told_to_bridges


@dataclass(frozen=True)
class Opinions:
    """The links of all troubles that each of the three names, and whether it says that all is well.

    `readyz` is missing if nobody answers.
    """

    readyz: set[str] | None
    readyz_well: bool
    status: set[str]
    status_well: bool
    doctor: list[Check]

    @property
    def doctor_links(self) -> set[str]:
        return {check.remedy.symptom.link for check in self.doctor if check.remedy}

    @property
    def doctor_well(self) -> bool:
        return not any(check.is_bad for check in self.doctor)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Give this process the variables of a bridge, and no others of that kind."""
    before = dict(os.environ)
    for name in [name for name in before if is_told_to_bridges(name)]:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def opinions(variables: Mapping[str, str]) -> Opinions:
    """Ask all three, with the variables of a bridge."""
    with environment(variables):
        address = variables["HYBRIDSPHERE_HTTP"]
        links, (status_well, status), doctor = await asyncio.gather(
            readyz_links(address), asyncio.to_thread(ask_status), ask_doctor()
        )
    return Opinions(links, links == set(), status, status_well, doctor)


async def readyz_links(address: str) -> set[str] | None:
    """Return the links of all troubles in `/readyz`; None if nobody answers, or no bridge."""
    answered = await ask_readyz(address)
    return None if answered is None else {one["see"] for one in answered["remedies"].values()}


async def ask_readyz(address: str) -> dict[str, Any] | None:
    # doctor works in this event loop meanwhile; None must mean that nobody listens.
    timeout = aiohttp.ClientTimeout(total=20)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{address}/readyz") as answer,
        ):
            return dict(await answer.json())
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None


def ask_status() -> tuple[bool, set[str]]:
    out = io.StringIO()
    try:
        settings = Settings.load("results_dir", "http")
        well = show_status(settings, Console(file=out), as_json=True)
    except LedgerError:
        return False, set()
    return well, {trouble["see"] for trouble in json.loads(out.getvalue())["troubles"]}


async def ask_doctor() -> list[Check]:
    return [check async for check in examine()]
