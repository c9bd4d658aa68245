"""Questions to the cloud by the documented client, and signals to its autoscaling group."""

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.deploy.cloud.cloud import Cloud
from tests.deploy.cloud.shell import ROOT, Shell

_OUTCOMES = {
    "cool-down": "is in cooldown",
    "bounds": "there is no change in capacity",
    "failed": "Unhandled error in asynchronous task",
    "changed": r"Stack UPDATE COMPLETE \(hybridsphere-workers-group",
}
"""The words with which Heat's engine logs the end of a signal."""


@dataclass(frozen=True, slots=True)
class Client:
    """The documented client in a user's shell."""

    shell: Shell
    cloud: Cloud

    def records(self, command: str) -> Any:
        """Return the answer to a command."""
        return json.loads(self.shell.run(f"openstack {command} -f json"))

    def output(self, stack: str, name: str) -> str:
        """Return an output of a stack."""
        show = "openstack stack output show -f value -c output_value"
        return self.shell.run(f"{show} {stack} {name}").strip()

    def admitted(self, group: str) -> set[tuple[str, str, str, str]]:
        """Return protocol, ports, addresses and group of each rule that lets somebody in."""
        return {
            (
                rule["IP Protocol"],
                rule["Port Range"],
                rule["IP Range"],
                rule["Remote Security Group"] or "",
            )
            for rule in self.records(f"security group rule list --ingress {group}")
        }

    def workers(self) -> list[str]:
        """Return the IDs of the machines of the group."""
        listed = self.records("server list")
        return [one["ID"] for one in listed if one["Image"] == "hybridsphere-host"]

    def user_data(self, server_id: str) -> str | None:
        """Return the user data that Nova keeps for a machine, or None."""
        return base64.b64decode(self.cloud.python("user_data.py", server_id)).decode() or None

    def after_cool_down(self) -> None:
        """Wait until Heat lets the group change."""
        while (state := self._group())["scaling_in_progress"]:
            time.sleep(0.5)
        (end,) = state["cooldown_end"]
        left = datetime.fromisoformat(end).replace(tzinfo=UTC) - datetime.now(UTC)
        self.shell.say(f"the cool-down lasts {left.total_seconds():.0f} s more")
        time.sleep(max(0.0, left.total_seconds() + 0.5))

    def bridge_signals(self, direction: str, url: str) -> str:
        """Have the bridge's own part signal `out` or `in`; returns what it logs."""
        program = (ROOT / ".venv/bin/python", "-m", "tests.deploy.cloud.bridge_signal")
        environment = {"PYTHONPATH": str(ROOT)}
        logged = self.cloud.services.run(*program, direction, url, environment=environment)
        self.shell.say(f"the bridge: {logged.strip()}")
        return logged.strip()

    def signalled(self, direction: str) -> str:
        """Have the bridge signal; returns how Heat ends the signal."""
        url = self.output("hybridsphere-workers", f"scale_{direction}_url")

        def signal() -> None:
            assert self.bridge_signals(direction, url) == f"scaling.signalled {direction}"

        return self.outcome(signal)

    def outcome(self, signal: Callable[[], object]) -> str:
        """Call `signal`; returns how Heat ends the signal: `cool-down`, `bounds` or `changed`."""
        log = self.cloud.folder / "log/heat-engine.log"
        begin = log.stat().st_size
        signal()
        ends: list[str] = []

        def ended() -> bool:
            new = log.read_bytes()[begin:].decode()
            ends[:] = [end for end, words in _OUTCOMES.items() if re.search(words, new)]
            return bool(ends)

        self.cloud.services.wait(ended, "Heat's answer to a signal")
        self.shell.say(f"Heat: {ends[0]}")
        return ends[0]

    def _group(self) -> Any:
        command = "openstack stack resource metadata hybridsphere-workers group"
        return json.loads(self.shell.run(command))
