"""Puts a template through Heat's own parser and its resources' property checks; no cloud needed.

Run by the Python of the environment that `deploy/requirements/deploy.txt` makes, not by the
project's own. Standard input is a JSON list of requests, each with `template` (path) and
`parameters`. Standard output is the list of answers: either `error`, or `resources` (name to type
and resolved properties), `outputs` (names) and `asked` (what the checks would have asked a live
service, as `kind name`).
"""

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from oslo_service import backend

# Heat's modules choose a backend when they are imported; this one needs no patched sockets.
backend.init_backend(backend.BackendType.THREADING)

from heat.common import context, exception, template_format  # noqa: E402
from heat.engine import environment, resource, resources, stack, template  # noqa: E402
from heat.engine.clients.os import glance, neutron, nova  # noqa: E402
from oslo_config import cfg  # noqa: E402

IMAGE = SimpleNamespace(id="image-id", status="active", visibility="public", min_ram=0, min_disk=0)
FLAVOR = SimpleNamespace(id="flavor-id", ram=2048, disk=20)
patch = mock.patch.object
GLANCE = glance.GlanceClientPlugin
NOVA = nova.NovaClientPlugin
NEUTRON = neutron.NeutronClientPlugin


class LiveServices:
    """Answers for Glance, Nova and Neutron, and notes what they were asked."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def stubs(self) -> list[Any]:
        """The patches, one a call that would leave the process."""
        return [
            patch(resource.Resource, "is_service_available", return_value=(True, None)),
            patch(GLANCE, "find_image_by_name_or_id", self._finding(IMAGE.id, "image")),
            patch(GLANCE, "get_image", return_value=IMAGE),
            patch(NOVA, "find_flavor_by_name_or_id", self._finding(FLAVOR.id, "flavor")),
            patch(NOVA, "get_flavor", return_value=FLAVOR),
            # Neutron takes the kind before the name.
            patch(NEUTRON, "find_resourceid_by_name_or_id", self._finding("neutron-id")),
        ]

    def _finding(self, answer: str, *kind: str) -> Callable[..., str]:
        def find(_plugin: object, *words: str, **_options: object) -> str:
            self.asked.add(" ".join([*kind, *words]))
            return answer

        return find


def check(path: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the stack that Heat makes of a template; raises Heat's exception where it refuses."""
    parsed = template_format.parse(path.read_text())
    files = {file.name: file.read_text() for file in path.parent.iterdir() if file.is_file()}
    services = LiveServices()
    request = context.RequestContext(
        project_id="project", user_id="user", is_admin=False, roles=["member"]
    )
    with ExitStack() as stubs:
        for stub in services.stubs():
            stubs.enter_context(stub)
        whole = stack.Stack(
            request,
            "check",
            template.Template(parsed, files=files, env=environment.Environment(parameters)),
        )
        whole.validate()
        return {
            "resources": {
                name: {"type": part.type(), "properties": _given(part.properties)}
                for name, part in whole.items()
            },
            "outputs": sorted(whole.outputs),
            "asked": sorted(services.asked),
        }


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return Heat's answer to one request."""
    try:
        return check(Path(request["template"]), request["parameters"])
    except (exception.HeatException, ValueError) as error:
        return {"error": str(error)}


def _given(properties: Any) -> dict[str, Any]:
    """The properties that the template or the schema's default gives a value."""
    return {name: value for name, value in properties.items() if value is not None}


def main() -> None:
    """Read the requests, answer them."""
    cfg.CONF([], project="heat", default_config_files=[])
    resources.initialise()
    json.dump([answer(request) for request in json.load(sys.stdin)], sys.stdout, default=str)


if __name__ == "__main__":
    main()
