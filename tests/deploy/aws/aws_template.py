"""The template as a program reads it, and without conditions for moto.

moto leaves a hole in a list where CloudFormation omits an AWS::NoValue. An update of a stack in
moto neither creates nor deletes what a condition has changed.
"""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[3] / "deploy" / "aws"
TEMPLATE = FOLDER / "template.yaml"

SOURCES = ("queue", "bucket", "direct")
SINKS = ("queue", "bucket")

KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/hybridsphere@sha256:{'0' * 64}"

NO_VALUE = {"Ref": "AWS::NoValue"}


class _Loader(yaml.CSafeLoader):
    """Reads the short form of intrinsic functions, `!Ref X`, as the long one."""


def _intrinsic(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        value: Any = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    else:
        raise NotImplementedError(f"!{tag} of a mapping: teach this reader what it means")
    if tag == "GetAtt":
        value = value.split(".", 1)
    return {tag if tag == "Ref" else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def load() -> dict[str, Any]:
    """The template, with every intrinsic function in its long form."""
    return deepcopy(_read())


@cache
def _read() -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(TEMPLATE.read_text(encoding="utf-8"), _Loader)
    return template


def chosen(**parameters: str) -> dict[str, Any]:
    """Return the template without conditions, for these parameters."""
    template = load()
    values = {name: slot.get("Default") for name, slot in template["Parameters"].items()}
    truths = _Truths(template.pop("Conditions"), values | parameters)
    for section in ("Resources", "Outputs"):
        for name, item in list(template[section].items()):
            if not truths[item.pop("Condition", None)]:
                del template[section][name]
    made: dict[str, Any] = truths.decide(template)
    return made


class _Truths:
    """The conditions of a template under given parameters."""

    def __init__(self, conditions: dict[str, Any], values: dict[str, Any]) -> None:
        self._conditions = conditions
        self._values = values

    def __getitem__(self, name: str | None) -> bool:
        """Whether a condition holds; what has no condition always does."""
        return name is None or self._holds(self._conditions[name])

    def decide(self, value: Any) -> Any:
        """A part of the template with each Fn::If replaced, and what has no value left out."""
        if isinstance(value, list):
            items = [self.decide(item) for item in value]
            return [item for item in items if item != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if "Fn::If" in value:
            name, then, otherwise = value["Fn::If"]
            return self.decide(then if self[name] else otherwise)
        fields = {key: self.decide(item) for key, item in value.items()}
        return {key: item for key, item in fields.items() if item != NO_VALUE}

    def _holds(self, test: dict[str, Any]) -> bool:
        [(function, operand)] = test.items()
        match function:
            case "Condition":
                return self[operand]
            case "Fn::Not":
                return not self._holds(operand[0])
            case "Fn::Or":
                return any(self._holds(part) for part in operand)
            case "Fn::And":
                return all(self._holds(part) for part in operand)
            case "Fn::Equals":
                left, right = (str(self._value(side)) for side in operand)
                return left == right
        raise NotImplementedError(
            f"{function}: teach this reader what the template has begun to use"
        )

    def _value(self, side: Any) -> Any:
        return self._values[side["Ref"]] if isinstance(side, dict) else side
