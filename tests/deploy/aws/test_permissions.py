import pytest

from tests.deploy.aws.aws_stack import NAMES, Stack, moto_knows_less
from tests.deploy.aws.aws_template import SINKS, TRIGGERS, chosen
from tests.deploy.aws.permission_map import IDENTITIES, PermissionMap

pytestmark = moto_knows_less


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_each_identity_may_do_what_the_map_says_and_nothing_else(
    stack: Stack, trigger: str, sink: str
) -> None:
    stack.create(Trigger=trigger, Sink=sink)
    permission_map = PermissionMap(trigger, sink)
    for identity in IDENTITIES:
        assert stack.permissions(identity) == permission_map.permissions(identity, NAMES)


@pytest.mark.parametrize("name", ["Bridge", "Uploader"])
def test_each_user_has_one_policy_and_no_access_key(name: str) -> None:
    resources = chosen()["Resources"]
    assert resources[f"{name}User"]["Properties"]["ManagedPolicyArns"] == [{"Ref": f"{name}Policy"}]
    assert "AWS::IAM::AccessKey" not in {item["Type"] for item in resources.values()}


def test_a_call_that_the_map_lacks_is_told() -> None:
    recorded = [*PermissionMap("queue", "queue").calls(), ("bridge", "sqs", "PurgeQueue")]
    assert PermissionMap("queue", "queue").differences(recorded) == [
        "bridge.sqs.PurgeQueue was called, and is not in the map"
    ]


def test_an_entry_of_the_map_that_nobody_needs_is_told() -> None:
    recorded = PermissionMap("queue", "queue").calls() - {("bridge", "lambda", "Invoke")}
    assert PermissionMap("queue", "queue").differences(recorded) == [
        "bridge.lambda.Invoke is in the map, and was not called"
    ]
