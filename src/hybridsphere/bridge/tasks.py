"""Tasks beside each other: work until an event, and work during a context."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Value = TypeVar("Value")


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, Value]) -> Value | None:
    """Return the value of some work; cancel it and return None if `stop` is set first."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        stopped.cancel()
        await asyncio.wait([working, stopped])
    return None if working.cancelled() else working.result()


@asynccontextmanager
async def meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run work during the context, and cancel it at the end; its error ends the context."""
    try:
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(one) for one in work]
            yield
            for task in background:
                task.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        # One error stays itself, so that a start which cannot work ends with its one line.
        (error,) = group.exceptions
        raise error from error.__cause__
