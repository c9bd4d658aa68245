import pytest

from tests.deploy.aws.aws_stack import NAMES, Stack, moto_knows_less
from tests.deploy.aws.aws_template import KEY_ARN, SINKS, SOURCES, chosen
from tests.deploy.aws.permission_map import IDENTITIES, PermissionMap

pytestmark = moto_knows_less


@pytest.mark.parametrize(("key", "page"), [("none", "yes"), ("given", "yes"), ("none", "no")])
@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("source", SOURCES)
def test_each_identity_may_do_what_the_map_says_and_nothing_else(
    stack: Stack, source: str, sink: str, key: str, page: str
) -> None:
    parameters = {"KmsKeyArn": KEY_ARN if key == "given" else "", "PageReadsVideos": page}
    stack.create(Source=source, Sink=sink, **parameters)
    permission_map = PermissionMap(source, sink, key, page)
    there = [name for name in IDENTITIES if (name, page) != ("page", "no")]
    for identity in there:
        assert stack.permissions(identity) == permission_map.permissions(identity, NAMES)


def test_an_uploader_may_only_add_videos() -> None:
    allowed = PermissionMap("queue", "queue").permissions("uploader", NAMES)
    assert {item.action for item in allowed} == {"s3:PutObject", "s3:AbortMultipartUpload"}
    assert {item.resource for item in allowed} == {
        "arn:aws:s3:::hybridsphere-input-123456789012-eu-west-1/*"
    }


def test_the_page_may_only_read_videos_and_only_if_it_shall() -> None:
    assert not [name for name in chosen()["Resources"] if name.startswith("Page")]
    (allowed,) = PermissionMap("queue", "queue", page="yes").permissions("page", NAMES)
    assert allowed.action == "s3:GetObject"
    assert allowed.resource == "arn:aws:s3:::hybridsphere-input-123456789012-eu-west-1/*"


@pytest.mark.parametrize("name", ["Bridge", "Uploader", "Page", "Operator"])
def test_each_user_has_one_policy_and_no_access_key(name: str) -> None:
    resources = chosen(PageReadsVideos="yes")["Resources"]
    assert resources[f"{name}User"]["Properties"]["ManagedPolicyArns"] == [{"Ref": f"{name}Policy"}]
    assert "AWS::IAM::AccessKey" not in {item["Type"] for item in resources.values()}


def test_identities_can_be_policies_without_users() -> None:
    resources = chosen(Identities="policies", PageReadsVideos="yes")["Resources"]
    types = [item["Type"] for item in resources.values()]
    assert "AWS::IAM::User" not in types
    assert types.count("AWS::IAM::ManagedPolicy") == 4


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
