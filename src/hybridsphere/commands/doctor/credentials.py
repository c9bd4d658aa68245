"""The credentials: whether there are any, and whether AWS takes them."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from hybridsphere.aws import Aws, connect
from hybridsphere.commands.doctor.check import Check
from hybridsphere.commands.doctor.services import ANSWER_S
from hybridsphere.errors import CannotRun
from hybridsphere.settings import Settings
from hybridsphere.troubles import Remedy, Symptom

PART = "credentials"

_FIX = "correct AWS_PROFILE or the access key, or what supplies them"


async def open_clients(stack: AsyncExitStack, settings: Settings) -> Aws | Check:
    """Return the clients, for `stack` to close; or a bad check where there are no credentials."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await stack.enter_async_context(
                connect(polls=1, invocations=1, invocation_type=settings.invocation_type)
            )
    except TimeoutError:
        detail = f"their source has not answered within {ANSWER_S:g} s"
    except (CannotRun, OSError) as error:
        detail = str(error)
    return Check.bad(PART, detail, _FIX, Symptom.NO_CREDENTIALS)


def judge_credentials(answers: Sequence[Check]) -> Check:
    """Judge by the answers of the services whether AWS takes the credentials."""
    remedies = {check.remedy for check in answers if check.remedy}
    for remedy in remedies:
        if remedy.symptom in {Symptom.REFUSED_CREDENTIALS, Symptom.NO_CREDENTIALS}:
            return Check(PART, "refused, or none could be fetched; see above", "bad", remedy)
    if not any(check.state == "ok" or _is_refusal(check.remedy) for check in answers):
        return Check.note(PART, "there are some; no service has answered to them")
    return Check(PART, "accepted")


def _is_refusal(remedy: Remedy | None) -> bool:
    """Whether AWS has looked at the credentials before it refused."""
    return remedy is not None and remedy.symptom in {Symptom.PERMISSION, Symptom.NOT_THERE}
