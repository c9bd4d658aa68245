"""One call at the start for each queue, bucket and function that the settings name."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import structlog

from hybridsphere.aws import AwsError, Refused
from hybridsphere.errors import ConfigurationError
from hybridsphere.settings import Settings, variable

PROBE_S = 5.0
"""Limit on each call; after it the loops find out the rest."""

log = structlog.get_logger()


async def probe(settings: Settings, calls: Mapping[str, Coroutine[Any, Any, object]]) -> None:
    """Make every call, by the setting that names its object.

    Raises ConfigurationError if such an object does not exist. Any other failure may pass: it is
    logged, and the loops retry.
    """
    async with asyncio.TaskGroup() as tasks:
        tried = [tasks.create_task(_try(settings, field, call)) for field, call in calls.items()]
    for task in tried:
        if fault := task.result():
            raise fault


async def _try(
    settings: Settings, field: str, call: Coroutine[Any, Any, object]
) -> ConfigurationError | None:
    """Make one call; returns the permanent fault of its setting, if there is any."""
    try:
        async with asyncio.timeout(PROBE_S):
            await call
    except TimeoutError:
        log.warning("probe.failed", variable=variable(field), reason="no answer")
    except AwsError as error:
        if isinstance(error, Refused) and error.not_there:
            value = getattr(settings, field)
            return ConfigurationError(
                f"{variable(field)}={value!r} names nothing: {error}",
                hint=f"correct {variable(field)}; `hybridsphere doctor` checks every name",
            )
        log.warning("probe.failed", variable=variable(field), reason=str(error))
    return None
