"""A private place for the demo: the function's host, with a key pair of its own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from hybridsphere.host.function_host import FunctionHost
from hybridsphere.host.sigv4 import Signatures
from hybridsphere.keys import make_keys, read_keys
from hybridsphere.local.account import LocalAccount


@asynccontextmanager
async def running_home(
    account: LocalAccount, workers: int, folder: Path
) -> AsyncIterator[Mapping[str, str]]:
    """Run the account's function on a host as well; yield what tells the bridge of it.

    Uploads go to Lambda as soon as the host is full, and wait where both are: so the few clips of a
    demo show both places.
    """
    keys = folder / "host-keys"
    keys.unlink(missing_ok=True)
    make_keys(keys)
    function = account.function
    with (folder / "host.log").open("wb") as log:
        async with FunctionHost(
            replace(
                function,
                reserved_concurrency=workers,
                bounds_memory=True,
                environment={**function.environment, "HYBRIDSPHERE_PLACE": "home"},
            ),
            task_root=account.task_root,
            log=log.write,
            signatures=Signatures(read_keys(keys)),
            any_name=True,
        ) as host:
            yield {
                "HYBRIDSPHERE_PRIVATE_ENDPOINTS": host.endpoint,
                "HYBRIDSPHERE_PRIVATE_WAIT_S": "0",
                "HYBRIDSPHERE_HOST_KEYS": str(keys),
                "HYBRIDSPHERE_INVOCATION_TYPE": "RequestResponse",
            }
