"""The permissions of the deployer; test_second_account.py runs deploy.sh with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.aws.aws_template import FOLDER, chosen

POLICY = FOLDER / "deployer-policy.json"

SERVICES = {
    "AWS::CloudWatch": "cloudwatch",
    "AWS::DynamoDB": "dynamodb",
    "AWS::IAM": "iam",
    "AWS::Lambda": "lambda",
    "AWS::Logs": "logs",
    "AWS::S3": "s3",
    "AWS::SNS": "sns",
    "AWS::SQS": "sqs",
}
"""The prefix of IAM actions for each family of CloudFormation types."""


@pytest.fixture(scope="module")
def policy() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(POLICY.read_text(encoding="utf-8"))
    return document


def actions(policy: dict[str, Any]) -> list[str]:
    return [action for statement in policy["Statement"] for action in statement["Action"]]


def test_a_managed_policy_may_be_that_long(policy: dict[str, Any]) -> None:
    assert len(json.dumps(policy, separators=(",", ":"))) <= 6144


def test_every_action_exists(policy: dict[str, Any], tool: Callable[[str], str]) -> None:
    lists = "lib/*/site-packages/cfnlint/data/AdditionalSpecs/Policies.json"
    known = next(Path(tool("cfn-lint")).parents[1].glob(lists), None)
    if known is None:
        pytest.skip("the list of actions is not beside this cfn-lint: make deploy-tools")
    services = json.loads(known.read_text(encoding="utf-8"))
    unknown = []
    for action in actions(policy):
        service, _, name = action.lower().partition(":")
        exact = name.removesuffix("*")
        names = services[service]["Actions"]
        if not any(one == name or (exact != name and one.startswith(exact)) for one in names):
            unknown.append(action)
    assert unknown == []


def test_every_service_of_the_template_is_covered(policy: dict[str, Any]) -> None:
    types = {item["Type"] for item in chosen(AlarmEmail="ops@example.com")["Resources"].values()}
    needed = {SERVICES[name.rpartition("::")[0]] for name in types}
    assert needed <= {action.partition(":")[0] for action in actions(policy)}


def test_it_reaches_nothing_of_another_name(policy: dict[str, Any]) -> None:
    others = {
        statement["Sid"]: statement["Resource"]
        for statement in policy["Statement"]
        if "hybridsphere" not in statement["Resource"]
    }
    assert others == {"NeedEveryResource": "*"}
