"""`hybridsphere host`: the function on this machine, until a signal drains it."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hybridsphere.console import note, tell
from hybridsphere.errors import FAILED, ConfigurationError
from hybridsphere.host.function import FunctionSettings
from hybridsphere.host.function_host import FunctionHost
from hybridsphere.host.package import folder_of
from hybridsphere.host.sigv4 import Signatures
from hybridsphere.keys import read_keys
from hybridsphere.signals import STOPS
from hybridsphere.sockets import remedy_for_address

HANDLER = "lambda_fn.handler.face_recognition_handler"

_IDLE_S = 900.0
"""A worker keeps its models this long: about what Lambda does."""

_PASSED_ON = ("AWS_", "HYBRIDSPHERE_")
_KEPT_BACK = ("AWS_LAMBDA_", "HYBRIDSPHERE_HOST")
_OF_THE_MACHINE = (
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "XDG_CACHE_HOME",
)
"""The variables of this machine that the function needs, to reach AWS as the host would."""


@dataclass(frozen=True, slots=True)
class HostOptions:
    """The options of `hybridsphere host`; without `workers` there is one a core."""

    listen: tuple[str, int]
    keys: Path
    workers: int | None = None
    memory_mb: int = 2048
    timeout_s: float = 900
    drain_s: float = 25


def run_host(options: HostOptions) -> int:
    """Serve until SIGTERM or SIGINT, then drain; return the exit code: 1 if the drain cut a video.

    Raises ConfigurationError.
    """
    return asyncio.run(_serve(options))


async def _serve(options: HostOptions) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    host = FunctionHost(
        _function(options, os.environ),
        task_root=folder_of(HANDLER),
        idle_s=_IDLE_S,
        address=options.listen,
        signatures=Signatures(read_keys(options.keys)),
        any_name=True,
    )
    try:
        await host.__aenter__()
    except (OSError, UnicodeError) as error:
        name, port = options.listen
        raise ConfigurationError(
            f"HYBRIDSPHERE_HOST={name}:{port} cannot be listened on: {error}",
            hint=remedy_for_address(error),
        ) from error
    try:
        tell(f"ready at {host.endpoint}; Ctrl-C or SIGTERM drains")
        await stop.wait()
        left = await host.drain(options.drain_s)
    finally:
        await host.__aexit__(None, None, None)
    if left:
        note(f"{left} invocations were cut after {options.drain_s:g} s; their callers repeat them")
    return FAILED if left else 0


def _function(options: HostOptions, environ: Mapping[str, str]) -> FunctionSettings:
    return FunctionSettings(
        name="hybridsphere",
        handler=HANDLER,
        timeout_s=options.timeout_s,
        memory_mb=options.memory_mb,
        bounds_memory=True,
        reserved_concurrency=options.workers or len(os.sched_getaffinity(0)),
        environment=_environment(environ),
        region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1",
    )


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Choose what the function gets of the host's environment: never the callers' keys."""
    passed = {
        name: text
        for name, text in environ.items()
        if name.startswith(_PASSED_ON) and not name.startswith(_KEPT_BACK)
    }
    machine = {name: environ[name] for name in _OF_THE_MACHINE if name in environ}
    return {"HYBRIDSPHERE_PLACE": "home", **machine, **passed}
