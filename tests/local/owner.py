"""An owner of an account that invokes its function once, prints what it has, and waits."""

import asyncio
import json
import sys

from hybridsphere.local.account import LocalAccount
from tests.local.local_stage import PROBE, TASK_ROOT, client_of


async def own() -> None:
    async with LocalAccount(function=PROBE, task_root=TASK_ROOT) as account:
        environment = account.environment()
        async with client_of("lambda", environment["AWS_ENDPOINT_URL_LAMBDA"]) as client:
            answer = await client.invoke(FunctionName="probe", Payload=b'{"do": "pid"}')
            worker = json.loads(await answer["Payload"].read())
        sys.stdout.write(json.dumps({"worker": worker, "environment": environment}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Wait for the end that a test gives it."""
    asyncio.run(own())
