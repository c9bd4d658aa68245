"""Sessions of the standard chain, and their credentials."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any, NoReturn

from aiobotocore.session import AioSession, get_session
from botocore.exceptions import UnknownCredentialError

from hybridsphere.aws.errors import described
from hybridsphere.errors import CannotRunNow, ConfigurationError

FOUND_WITHIN_S = 30.0
"""Limit on the source of credentials: a program, or a server whose bytes drip in."""

_NO_CREDENTIALS = (
    "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)


def session() -> AioSession:
    """Make a session of the standard chain; it honours `AWS_REGION`, which botocore does not."""
    made = get_session()
    if region := os.environ.get("AWS_REGION"):
        made.set_config_variable("region", region)
    return made


async def find_credentials(made: AioSession) -> None:
    """Look for a session's credentials, without ever prompting for an MFA code.

    Raises ConfigurationError if there are none, if they need such a code, or if their program
    cannot be started; CannotRunNow if their source prints something else. The errors of botocore
    pass.
    """
    try:
        provider = made.get_component("credential_provider").get_provider("assume-role")
    except UnknownCredentialError:
        pass
    else:
        provider._prompter = _refuse_prompt  # noqa: SLF001 - there is no public way
    try:
        async with asyncio.timeout(FOUND_WITHIN_S):
            found = await made.get_credentials()
    except TimeoutError:
        raise CannotRunNow(
            "no AWS credentials at the moment: their source has not answered within "
            f"{FOUND_WITHIN_S:g} s"
        ) from None
    except ValueError as error:
        # A program or a server that prints something else than credentials.
        raise CannotRunNow(f"no AWS credentials at the moment: {described(error)}") from None
    except OSError as error:
        name = _profile_name(made)
        if "credential_process" not in _profiles(made).get(name, {}):
            raise
        raise ConfigurationError(
            f"the AWS credentials cannot be used: the credential_process of the profile {name} "
            f"cannot be started: {error}"
        ) from None
    if found is None:
        raise ConfigurationError(_NO_CREDENTIALS)
    if found.method == "assume-role" and _asks_for_code(made):
        _refuse_prompt()


def _asks_for_code(made: AioSession) -> bool:
    """Return whether the profile, or its source of credentials, has an MFA device."""
    name: str | None = _profile_name(made)
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        profile = _profiles(made).get(name, {})
        if "role_arn" not in profile:
            return False
        if "mfa_serial" in profile:
            return True
        name = profile.get("source_profile")
    return False


def _profiles(made: AioSession) -> Mapping[str, Mapping[str, Any]]:
    profiles: Mapping[str, Mapping[str, Any]] = made.full_config.get("profiles", {})
    return profiles


def _profile_name(made: AioSession) -> str:
    return made.get_config_variable("profile") or "default"


def _refuse_prompt(*_: object) -> NoReturn:
    raise ConfigurationError(
        "the AWS profile asks for an MFA code, and a service has nobody to ask: "
        "set AWS_PROFILE to one without mfa_serial"
    )
