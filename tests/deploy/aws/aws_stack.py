"""A stack of the template on moto."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
import yaml

from tests.deploy.aws.aws_template import IMAGE, KEY_ARN, chosen
from tests.deploy.aws.permission_map import Permission

NAMES = {
    "Partition": "aws",
    "Region": "eu-west-1",
    "AccountId": "123456789012",
    "Prefix": "hybridsphere",
    "KmsKeyArn": KEY_ARN,
}
"""The parts of names and ARNs in these tests."""

VARIABLES = {
    "Region": "AWS_REGION",
    "Source": "HYBRIDSPHERE_SOURCE",
    "Sink": "HYBRIDSPHERE_SINK",
    "InputBucket": "HYBRIDSPHERE_INPUT_BUCKET",
    "OutputBucket": "HYBRIDSPHERE_OUTPUT_BUCKET",
    "InputQueueUrl": "HYBRIDSPHERE_INPUT_QUEUE_URL",
    "OutputQueueUrl": "HYBRIDSPHERE_OUTPUT_QUEUE_URL",
    "DeadLetterQueueUrl": "HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL",
    "FunctionName": "HYBRIDSPHERE_FUNCTION_NAME",
}
"""The bridge's variable for each output of the stack."""

moto_knows_less = pytest.mark.filterwarnings("ignore:Tried to parse", "ignore:Unable to delete")
"""For tests with a stack: moto warns of every resource whose type it does not know."""


class Stack:
    """A stack in the account that moto is just mocking; made by `create`."""

    def __init__(self) -> None:
        self._formation = client("cloudformation")

    def create(self, **parameters: str) -> None:
        self._formation.create_stack(**stack_arguments(parameters))

    def update(self, **parameters: str) -> None:
        self._formation.update_stack(**stack_arguments(parameters))

    def delete(self) -> None:
        self._formation.delete_stack(StackName="hybridsphere")

    def environment(self) -> dict[str, str]:
        """The outputs by the bridge's variables, as deploy.sh writes them."""
        [stack] = self._formation.describe_stacks(StackName="hybridsphere")["Stacks"]
        return {
            VARIABLES[output["OutputKey"]]: output["OutputValue"] for output in stack["Outputs"]
        }

    def physical_id(self, logical_id: str) -> str:
        """Return the name of a resource in the account."""
        answer = self._formation.list_stack_resources(StackName="hybridsphere")
        ids = {
            item["LogicalResourceId"]: item["PhysicalResourceId"]
            for item in answer["StackResourceSummaries"]
        }
        return str(ids[logical_id])

    def function(self) -> dict[str, Any]:
        """Return the function's configuration from Lambda."""
        name = self.physical_id("Function")
        answer: dict[str, Any] = client("lambda").get_function(FunctionName=name)
        return dict(answer["Configuration"])

    def permissions(self, identity: str) -> set[Permission]:
        """All that the policy of an identity allows."""
        return {
            Permission(action, resource)
            for statement in self._policy(identity)["Statement"]
            for action in _listed(statement["Action"])
            for resource in _listed(statement["Resource"])
            if _applies(action, resource)
        }

    def _policy(self, identity: str) -> dict[str, Any]:
        iam = client("iam")
        if identity == "function":
            role = self.physical_id("FunctionRole")
            [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
            return _document(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        arn = self.physical_id(f"{identity.capitalize()}Policy")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        answer = iam.get_policy_version(PolicyArn=arn, VersionId=version)
        return _document(answer["PolicyVersion"]["Document"])


@contextmanager
def moto_account() -> Iterator[Stack]:
    """No stack yet, in an account that moto makes up inside this process."""
    pytest.importorskip(
        "openapi_spec_validator", reason="moto's CloudFormation needs openapi-spec-validator"
    )
    from moto import mock_aws  # noqa: PLC0415 - the scripts are tested without it

    with mock_aws():
        yield Stack()


def client(service: str) -> Any:
    return boto3.client(service, region_name=NAMES["Region"])


def stack_arguments(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return CloudFormation's arguments for the stack with these parameters."""
    given = {"ImageUri": IMAGE, **parameters}
    return {
        "StackName": "hybridsphere",
        "TemplateBody": json.dumps(chosen(**given)),
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": text} for name, text in given.items()
        ],
    }


def _document(answer: dict[str, Any] | str) -> dict[str, Any]:
    """A policy that only allows; a policy that denies would need a better reader."""
    # moto hands a role's own policy out as Python prints it, which happens to be YAML.
    policy: dict[str, Any] = yaml.safe_load(answer) if isinstance(answer, str) else answer
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Allow"}
    return policy


def _applies(action: str, resource: str) -> bool:
    """Whether an action of S3 on a bucket meets a bucket, and one on objects meets objects."""
    if not action.startswith("s3:"):
        return True
    return action.startswith("s3:ListBucket") != ("/" in resource)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
