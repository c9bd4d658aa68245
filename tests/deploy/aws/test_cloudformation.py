import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from hybridsphere.settings import Settings
from hybridsphere.variables import variable
from lambda_fn.results.delivery import MOST_MESSAGE_BYTES
from lambda_fn.runtime.settings import Settings as FunctionSettings
from tests.deploy.aws.aws_stack import Stack, client, moto_knows_less
from tests.deploy.aws.aws_template import TEMPLATE, chosen

pytestmark = moto_knows_less

BUCKETS = {"INPUT_BUCKET", "OUTPUT_BUCKET"}
DEAD = {"DEAD_LETTER_QUEUE_URL"}
FUNCTION = {"FUNCTION_NAME"}


def test_cfn_lint_finds_nothing(tool: Callable[[str], str]) -> None:
    command = [tool("cfn-lint"), "--template", str(TEMPLATE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_template_is_small_enough_to_be_passed_without_a_bucket() -> None:
    assert TEMPLATE.stat().st_size <= 51_200


@pytest.mark.parametrize(
    ("trigger", "sink", "source", "others"),
    [
        ("queue", "queue", "queue", {"INPUT_QUEUE_URL", "OUTPUT_QUEUE_URL", *DEAD, *FUNCTION}),
        ("queue", "mirror", "queue", {"INPUT_QUEUE_URL", *DEAD, *FUNCTION}),
        ("direct", "queue", "none", {"OUTPUT_QUEUE_URL", *DEAD}),
        ("direct", "mirror", "none", set()),
        ("none", "queue", "bucket", {"OUTPUT_QUEUE_URL", *DEAD, *FUNCTION}),
        ("none", "mirror", "bucket", FUNCTION),
    ],
)
def test_the_outputs_are_what_the_bridge_needs_for_the_choice(
    stack: Stack, trigger: str, sink: str, source: str, others: set[str]
) -> None:
    stack.create(Trigger=trigger, Sink=sink)
    environment = stack.environment()
    assert set(environment) == {
        "AWS_REGION",
        *(f"HYBRIDSPHERE_{name}" for name in {"SOURCE", "SINK", *BUCKETS, *others}),
    }
    assert environment["HYBRIDSPHERE_SOURCE"] == source
    assert environment["HYBRIDSPHERE_SINK"] == {"queue": "queue", "mirror": "bucket"}[sink]
    assert {variable(field) for field in Settings.model_fields} | {"AWS_REGION"} >= set(environment)


def test_the_bridge_understands_its_environment(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.create()
    for name, text in stack.environment().items():
        monkeypatch.setenv(name, text)
    settings = Settings.load()
    settings.check_bridge()
    assert settings.input_bucket == stack.physical_id("InputBucket")


@pytest.mark.parametrize(
    ("trigger", "sink", "queues"),
    [
        ("queue", "queue", {"input", "input-dead-letters", "output", "output-dead-letters"}),
        ("queue", "mirror", {"input", "input-dead-letters"}),
        ("direct", "queue", {"output", "output-dead-letters"}),
        ("none", "mirror", set()),
    ],
)
def test_a_queue_that_the_choice_does_not_use_is_not_made(
    stack: Stack, trigger: str, sink: str, queues: set[str]
) -> None:
    stack.create(Trigger=trigger, Sink=sink)
    assert _queues() == {f"hybridsphere-{name}" for name in queues}


@pytest.mark.parametrize("name", ["Input", "Output"])
def test_messages_wait_for_the_bridge_as_long_as_sqs_allows(name: str) -> None:
    made = chosen()["Resources"]
    for queue in (f"{name}Queue", f"{name}DeadLetters"):
        assert made[queue]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_the_output_queue_takes_the_longest_message_that_the_function_sends() -> None:
    queue = chosen()["Resources"]["OutputQueue"]["Properties"]
    assert queue["MaximumMessageSize"] == MOST_MESSAGE_BYTES


def test_an_update_changes_the_way_in_and_keeps_the_rest(stack: Stack) -> None:
    stack.create()
    client("s3").put_object(Bucket=stack.physical_id("GalleryBucket"), Key="gallery.npz", Body=b"")
    stack.update(Trigger="direct", Tolerance="0.5")
    assert _queues() == {"hybridsphere-output", "hybridsphere-output-dead-letters"}
    assert stack.environment()["HYBRIDSPHERE_SOURCE"] == "none"
    assert float(stack.function()["Environment"]["Variables"]["HYBRIDSPHERE_TOLERANCE"]) == 0.5
    client("s3").head_object(Bucket=stack.physical_id("GalleryBucket"), Key="gallery.npz")


def test_an_update_with_nothing_new_changes_nothing(stack: Stack) -> None:
    stack.create()
    before = stack.environment(), stack.function()
    stack.update()
    assert (stack.environment(), stack.function()) == before


def test_the_function_understands_its_environment(stack: Stack) -> None:
    stack.create()
    variables = {
        name: str(value) for name, value in stack.function()["Environment"]["Variables"].items()
    }
    settings = FunctionSettings.from_environ(variables)
    assert settings.output_queue_url == stack.environment()["HYBRIDSPHERE_OUTPUT_QUEUE_URL"]
    assert settings.gallery == f"s3://{stack.physical_id('GalleryBucket')}/gallery.npz"


def test_no_concurrency_is_reserved_unless_asked_for() -> None:
    assert "ReservedConcurrentExecutions" not in _properties("Function")
    assert "ReservedConcurrentExecutions" in _properties("Function", ReservedConcurrency="5")


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ("queue", {"QueueConfigurations": "Queue"}),
        ("direct", {"LambdaConfigurations": "Function"}),
        ("none", {}),
    ],
)
def test_the_input_bucket_tells_of_every_created_object(trigger: str, told: dict[str, str]) -> None:
    notification = _properties("InputBucket", Trigger=trigger)["NotificationConfiguration"]
    assert set(notification) == set(told)
    for kind, target in told.items():
        [configuration] = notification[kind]
        assert configuration["Event"] == "s3:ObjectCreated:*"
        assert set(configuration) == {"Event", target}


@pytest.mark.parametrize("name", ["InputBucket", "OutputBucket", "GalleryBucket"])
def test_every_bucket_is_private_encrypted_and_reached_by_tls_only(name: str) -> None:
    bucket = _properties(name)
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "ServerSideEncryptionConfiguration" in bucket["BucketEncryption"]
    policy = _properties(f"{name}Policy")
    assert policy["Bucket"] == {"Ref": name}
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "s3:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [
        {"Fn::GetAtt": [name, "Arn"]},
        {"Fn::Sub": f"${{{name}.Arn}}/*"},
    ]


@pytest.mark.parametrize(("sink", "target"), [("queue", "OutputQueue"), ("mirror", "OutputBucket")])
def test_what_lambda_gives_up_goes_where_the_results_go(sink: str, target: str) -> None:
    destination = _properties("FunctionRetries", Sink=sink)["DestinationConfig"]["OnFailure"]
    assert destination == {"Destination": {"Fn::GetAtt": [target, "Arn"]}}


def test_every_alarm_reaches_the_address_if_there_is_one() -> None:
    assert "AlarmTopic" not in chosen()["Resources"]
    resources = chosen(AlarmEmail="ops@example.com")["Resources"]
    alarms = [item for item in resources.values() if item["Type"] == "AWS::CloudWatch::Alarm"]
    assert [alarm["Properties"]["AlarmActions"] for alarm in alarms] == 6 * [
        [{"Ref": "AlarmTopic"}]
    ]


def _properties(resource: str, **parameters: str) -> dict[str, Any]:
    properties: dict[str, Any] = chosen(**parameters)["Resources"][resource]["Properties"]
    return properties


def _queues() -> set[str]:
    urls = client("sqs").list_queues().get("QueueUrls", [])
    return {url.rpartition("/")[2] for url in urls}
