"""Puts a page's `openstack` commands through the client's own argument parsers; nothing is called.

Run by the Python of the environment that `deploy/requirements/deploy.txt` makes, not by the
project's own. Standard input is the page, as a JSON string. Standard output is a JSON list of
`line`, `command` (as in `server create`) and `error` (null where the client accepts the line).
"""

import contextlib
import io
import json
import re
import shlex
import sys
from importlib.metadata import EntryPoint, entry_points
from unittest import mock

GROUPS = ("common", "compute.v2", "identity.v3", "image.v2", "network.v2", "orchestration.v1")


def commands(page: str) -> list[str]:
    """The `openstack …` lines of a page's shell blocks, also those inside `$(…)`."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    text = "\n".join(blocks).replace("\\\n", " ")
    alone = re.findall(r"^openstack (.+)$", text, re.MULTILINE)
    inside = re.findall(r"^\w+=\$\(openstack ([^)]+)\)$", text, re.MULTILINE)
    return alone + inside


def known_commands() -> dict[str, EntryPoint]:
    """Return every command of the client and the Heat plugin by name, as in `server_create`."""
    return {
        command.name: command
        for group in GROUPS
        for command in entry_points(group=f"openstack.{group}")
    }


def check(line: str, known: dict[str, EntryPoint]) -> dict[str, str | None]:
    """Return the client's answer to one line."""
    words = shlex.split(line)
    for length in range(len(words), 0, -1):
        entry = known.get("_".join(words[:length]))
        if entry is None:
            continue
        name = " ".join(words[:length])
        # The application would tell whether Neutron is there; a mock says yes.
        command = entry.load()(mock.MagicMock(), None, cmd_name=name)
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            try:
                command.get_parser(name).parse_args(words[length:])
            except SystemExit:
                return {"line": line, "command": name, "error": said.getvalue()}
        return {"line": line, "command": name, "error": None}
    return {"line": line, "command": "", "error": "no such command"}


def main() -> None:
    """Read one page, judge its commands."""
    known = known_commands()
    answers = [check(line, known) for line in commands(json.load(sys.stdin))]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
