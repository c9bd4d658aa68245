"""A configuration for doctor to examine: an account, a folder, and the environment."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import AioSession, get_session

from hybridsphere.commands.doctor.check import Check
from hybridsphere.commands.doctor.doctor import examine

COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

LOADER = get_session().get_component("data_loader")


def session_that_remembers() -> AioSession:
    """Make a session that shares the descriptions of the services, which are large."""
    made = get_session()
    made.register_component("data_loader", LOADER)
    return made


@dataclass
class Patient:
    """A configuration that could work, as the environment, with the account that it names."""

    environment: pytest.MonkeyPatch
    sqs: Any
    folder: Path

    def set(self, **variables: str | None) -> None:
        """Change variables, named without their prefix; None removes one."""
        for name, text in variables.items():
            if text is None:
                self.environment.delenv(f"HYBRIDSPHERE_{name}")
            else:
                self.environment.setenv(f"HYBRIDSPHERE_{name}", text)

    async def make_queue(self, name: str, **attributes: str) -> str:
        """Make a queue with these attributes alone, and name it by its variable."""
        made = await self.sqs.create_queue(
            QueueName=f"{name}-{self.folder.parent.name}"[:80].lower(), Attributes=attributes
        )
        self.set(**{f"{name}_QUEUE_URL": made["QueueUrl"]})
        return str(made["QueueUrl"])

    async def redrive(self, receives: int) -> str:
        """Return a redrive policy to a new queue."""
        url = await self.make_queue("DEAD_LETTER")
        answer = await self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        target = answer["Attributes"]["QueueArn"]
        return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": receives})

    async def checks(self) -> list[Check]:
        return [check async for check in examine()]

    async def complaints(self, part: str) -> list[Check]:
        """Return every bad check; all of them are about that part."""
        bad = [check for check in await self.checks() if check.is_bad]
        assert {check.part for check in bad} <= {part}, bad
        return bad

    async def complaint(self, part: str) -> Check:
        """Return the only bad check."""
        (bad,) = await self.complaints(part)
        return bad

    async def counts(self) -> dict[str, tuple[int, int]]:
        """Return the visible messages and those in flight, of every queue of the account."""
        found = {}
        for url in (await self.sqs.list_queues())["QueueUrls"]:
            answer = await self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))
            visible, in_flight = (int(answer["Attributes"][name]) for name in COUNTS)
            found[url] = (visible, in_flight)
        return found
