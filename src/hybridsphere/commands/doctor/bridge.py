"""The address of health and metrics, and the bridge that listens there."""

import asyncio
import errno

from hybridsphere.commands.bridge_client import ask_bridge
from hybridsphere.commands.doctor.check import Check
from hybridsphere.settings import Settings, variable
from hybridsphere.sockets import remedy_for_address, try_listening
from hybridsphere.troubles import Symptom

PART = "address"


async def check_bridge(settings: Settings) -> list[Check]:
    """Check that a bridge could listen, or that the bridge of this bucket does and is well."""
    if settings.http is None:
        detail = f"{variable('http')} is empty, so no bridge can be asked for its health"
        return [Check.note(PART, detail)]
    where = f"{settings.http[0]}:{settings.http[1]}"
    try:
        await try_listening(settings.http)
    except (OSError, UnicodeError) as error:
        detail = f"{variable('http')}={where} cannot be listened on: {error}"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            return await _ask(settings.http, settings.input_bucket, detail, error)
        return [Check.bad(PART, detail, remedy_for_address(error), Symptom.ADDRESS)]
    if settings.http[1] == 0:
        detail = f"{where} can be listened on, but names no fixed port to ask a bridge at"
        return [Check.note(PART, detail)]
    listening = Check(PART, f"{where} can be listened on")
    return [listening, Check.note("bridge", f"no bridge runs at {where}")]


async def _ask(
    address: tuple[str, int], bucket: str | None, refusal: str, error: OSError
) -> list[Check]:
    """Ask the program that has the address; only the bridge of this bucket may have it."""
    bridge = await asyncio.to_thread(ask_bridge, address)
    served = bridge.input_bucket
    if served is None:
        (trouble,) = bridge.troubles
        if trouble.remedy.symptom is Symptom.SILENT:
            return [Check.of(trouble)]
        fix = remedy_for_address(error)
        return [Check.bad(PART, f"{refusal}; {trouble.reason}", fix, Symptom.ANOTHER_PROGRAM)]
    if served != bucket:
        detail = f"{refusal}; the bridge there serves the bucket {served}"
        return [Check.bad(PART, detail, remedy_for_address(error), Symptom.ANOTHER_BUCKET)]
    where = f"{address[0]}:{address[1]}"
    listening = Check(PART, f"a bridge of this bucket listens at {where}")
    if bridge.troubles:
        return [listening, *map(Check.of, bridge.troubles)]
    return [listening, Check("bridge", "ready")]
