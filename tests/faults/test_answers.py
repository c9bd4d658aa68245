"""Answers that do not come from AWS, but from a proxy: believing them loses nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.acts import page
from tests.bridge_process import BridgeProcess
from tests.faults.fault_stage import Account, Site, Size, opened
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON = "application/x-amz-json-1.0"
FORMS = {
    "a page": page(200, b"<html>Welcome to the guest network"),
    "a page of an error": page(502, b"<html>Bad Gateway"),
    "a page that asks who is there": page(407, b"<html>Proxy Authentication Required"),
    "a way to somewhere else": page(302, b"", "text/html", "Location: /login"),
    "nothing": page(200, b"", JSON),
    "nothing as an error": page(503, b"", JSON),
    "half of the JSON": page(200, b'{"Messages": [{"MessageId": "1", "Bo', JSON),
    "half of the JSON as an error": page(400, b'{"__type": "com.amaz', JSON),
    "other JSON": page(200, b'{"hello": "world"}', JSON),
    "other JSON as an error": page(400, b'{"hello": "world"}', JSON),
    "messages that are none": page(200, b'{"Messages": [5], "Failed": [5]}', JSON),
    "no object": page(200, b"[null]", JSON),
    "no object as an error": page(500, b"[null]", JSON),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    account: Account, tmp_path_factory: pytest.TempPathFactory, size: Size
) -> AsyncIterator[Site]:
    async with opened(account, tmp_path_factory.mktemp("answers"), size, workers=2) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bridge(site: Site) -> AsyncIterator[BridgeProcess]:
    """One bridge that is answered in all these ways and is never restarted."""
    async with site.bridge() as bridge:
        yield bridge
        assert bridge.of("message.unhandled") == []
        assert await bridge.stop() == 0


@pytest.mark.parametrize("operation", ["ReceiveMessage", "DeleteMessageBatch", "Invoke"])
@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_of_another_form_loses_nothing_and_the_loop_goes_on(
    site: Site, bridge: BridgeProcess, operation: str, form: str
) -> None:
    door = site.function if operation == "Invoke" else site.queues
    with door.failing(FORMS[form], operation, calls=2) as fault:
        await site.upload(f"{form} to {operation}/{number}.mp4" for number in range(2))
        await until(lambda: fault.left == 0)
        await site.settled()
    await site.check()
    await until(bridge.is_ready)
