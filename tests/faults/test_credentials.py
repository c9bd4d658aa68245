"""Credentials that expire, cannot be refreshed, or are refused."""

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hybridsphere.bridge.pacing import backoff
from hybridsphere.bridge.queue.poller import RECEIVERS
from tests import bridge_process
from tests.acts import answer
from tests.bridge_process import BridgeProcess
from tests.faults.fault_stage import Site, Size
from tests.faults.hurried_bridge import HURRY
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOTH = ("input queue", "output queue")
REFRESHED_BEFORE_S = 15 * 60
"""How long before their end botocore begins to ask for new ones."""


class Issuer:
    """The answers of `issue_credentials.py`."""

    def __init__(self, folder: Path, valid_s: float) -> None:
        self._folder = folder
        folder.mkdir()
        self.issue(valid_s)
        (folder / "issued").touch()
        script = Path(__file__).with_name("issue_credentials.py")
        command = shlex.join([sys.executable, "-I", "-S", str(script), str(folder)])
        (folder / "config").write_text(f"[default]\ncredential_process = {command}\n")

    @property
    def issued(self) -> list[str]:
        """Return the keys issued, the oldest first."""
        return (self._folder / "issued").read_text().split()

    def issue(self, valid_s: float) -> None:
        (self._folder / "valid_s").write_text(str(valid_s))

    def refuse(self) -> None:
        (self._folder / "valid_s").write_text("")

    async def another(self) -> None:
        """Wait until somebody has asked again."""
        before = len(self.issued)
        await until(lambda: len(self.issued) > before)

    @asynccontextmanager
    async def bridge(self, site: Site) -> AsyncIterator[BridgeProcess]:
        """A bridge whose credentials come from here, and from nowhere else."""
        environment = site.environment(AWS_CONFIG_FILE=str(self._folder / "config"))
        del environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
        async with bridge_process.running(environment, site.size.bridge) as bridge:
            yield bridge
            assert await bridge.stop() == 0


async def test_expiring_credentials_are_refreshed_unnoticed(site: Site, tmp_path: Path) -> None:
    issuer = Issuer(tmp_path / "issuer", REFRESHED_BEFORE_S + 1)
    async with issuer.bridge(site) as bridge:
        for number in range(2):
            await issuer.another()
            await site.upload([f"{number}.mp4"])
            await site.settled()
        assert bridge.of("trouble.began") == []
        # One may have been issued that no call was made with yet.
        assert site.queues.calls[-1].access_key in issuer.issued[-2:]
        assert site.function.calls[-1].access_key in issuer.issued[1:]
    await site.check()


@pytest.mark.parametrize("trouble", ["are refused", "are over when they come"])
async def test_new_credentials_that_cannot_be_had_are_waited_for(
    site: Site, tmp_path: Path, trouble: str
) -> None:
    issuer = Issuer(tmp_path / "issuer", valid_s=3)
    async with issuer.bridge(site) as bridge:
        if trouble == "are refused":
            issuer.refuse()
        else:
            issuer.issue(valid_s=-60)
        await until(lambda: bridge.is_troubled(*BOTH))
        await site.upload(["waits.mp4"])
        issuer.issue(valid_s=3600)
        await site.settled()
        await until(bridge.is_ready)
    await site.check()


async def test_credentials_that_are_refused_are_tried_ever_more_rarely(
    site: Site, size: Size
) -> None:
    hurry = HURRY if size.small else 1
    clock = asyncio.get_running_loop().time
    refusal = answer(403, "InvalidClientTokenId")
    async with site.bridge() as bridge:
        await site.upload(["before.mp4"])
        await site.settled()
        with site.queues.failing(refusal), site.function.failing(refusal):
            site.queues.drop()
            began = clock()
            await until(lambda: bridge.is_troubled(*BOTH, word="InvalidClientTokenId"))
            await asyncio.sleep(size(1, 60))
            took_s = clock() - began
        for queue in (site.inputs, site.outputs):
            name = queue.rpartition("/")[2]
            asked = site.queues.of("ReceiveMessage", since=began, queue=name)
            meanwhile = [call for call in asked if call.at < began + took_s]
            # They ask in turns, once each has learnt of it.
            assert len(meanwhile) <= RECEIVERS - 1 + most_tries(took_s * hurry)
        await site.upload(["after.mp4"])
        await site.settled()
        await until(bridge.is_ready)
        assert await bridge.stop() == 0
    await site.check()


def most_tries(seconds: float) -> int:
    """How many can be made in that time if each wait is the shortest it may be."""
    tries, at = 1, 0.0
    while at <= seconds:
        longest = min(backoff.LONGEST_REFUSED_S, 2 * backoff.FIRST_S * 2 ** (tries - 1))
        at += max(backoff.FIRST_S, longest / 2)
        tries += 1
    return tries
