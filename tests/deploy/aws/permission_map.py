"""permissions.yaml, which is held against the policies on one side and calls on the other."""

import string
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from tests.deploy.aws.aws_template import FOLDER

IDENTITIES = ("function", "bridge", "uploader", "page", "operator")


class Call(NamedTuple):
    """An identity and its call, as botocore writes it: `bridge`, `sqs`, `ReceiveMessage`."""

    identity: str
    service: str
    operation: str


class Permission(NamedTuple):
    """An action of IAM, and the ARN that it is allowed on."""

    action: str
    resource: str


class PermissionMap:
    """The entries of permissions.yaml that apply to one Source, Sink, Key and Page."""

    def __init__(self, source: str, sink: str, key: str = "none", page: str = "no") -> None:
        self._choice = {"Source": source, "Sink": sink, "Key": key, "Page": page}
        file = yaml.load(
            (FOLDER / "permissions.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
        )
        self._resources: dict[str, Any] = file["resources"]
        self._identities: dict[str, Any] = file["identities"]

    def permissions(self, identity: str, names: Mapping[str, str]) -> set[Permission]:
        """All that an identity is to be allowed; `names` are the Prefix, AccountId and so on."""
        entries = [*self._identities[identity]["calls"], *self._identities[identity]["others"]]
        return {
            Permission(entry["action"], string.Template(arn).substitute(names))
            for entry in entries
            for arn in self._arns(entry)
        }

    def calls(self, identities: Iterable[str] = IDENTITIES) -> set[Call]:
        """All that the code calls, as far as the map knows."""
        return {
            Call(identity, *entry["call"].split("."))
            for identity in identities
            for entry in self._identities[identity]["calls"]
            if self._arns(entry)
        }

    def differences(self, recorded: Iterable[tuple[str, str, str]]) -> list[str]:
        """One line for each call that the map lacks, or has although nobody made it."""
        made = {Call(*call) for call in recorded}
        known = self.calls()
        return [
            *(f"{'.'.join(call)} was called, and is not in the map" for call in made - known),
            *(f"{'.'.join(call)} is in the map, and was not called" for call in known - made),
        ]

    def _arns(self, entry: Mapping[str, Any]) -> list[str]:
        """The resources of an entry that there are; none where the entry does not count."""
        if not self._counts(entry):
            return []
        resources = [self._resources[name] for name in entry["resources"]]
        return [resource["arn"] for resource in resources if self._counts(resource)]

    def _counts(self, item: Mapping[str, Any]) -> bool:
        when = item.get("when", {})
        return all(self._choice[name] in values for name, values in when.items())
