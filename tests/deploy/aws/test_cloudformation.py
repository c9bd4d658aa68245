import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from hybridsphere.settings import Settings, variable
from lambda_fn.results.delivery import MOST_MESSAGE_BYTES
from lambda_fn.runtime.settings import RuntimeSettings
from tests.deploy.aws.aws_stack import VARIABLES, Stack, client, moto_knows_less
from tests.deploy.aws.aws_template import FOLDER, KEY_ARN, TEMPLATE, chosen

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
    ("source", "sink", "others"),
    [
        ("queue", "queue", {"INPUT_QUEUE_URL", "OUTPUT_QUEUE_URL", *DEAD, *FUNCTION}),
        ("queue", "bucket", {"INPUT_QUEUE_URL", *DEAD, *FUNCTION}),
        ("direct", "queue", {"OUTPUT_QUEUE_URL", *DEAD}),
        ("direct", "bucket", set()),
        ("bucket", "queue", {"OUTPUT_QUEUE_URL", *DEAD, *FUNCTION}),
        ("bucket", "bucket", FUNCTION),
    ],
)
def test_the_outputs_are_what_the_bridge_needs_for_the_choice(
    stack: Stack, source: str, sink: str, others: set[str]
) -> None:
    stack.create(Source=source, Sink=sink)
    environment = stack.environment()
    assert set(environment) == {
        "AWS_REGION",
        *(f"HYBRIDSPHERE_{name}" for name in {"SOURCE", "SINK", *BUCKETS, *others}),
    }
    assert environment["HYBRIDSPHERE_SOURCE"] == source
    assert environment["HYBRIDSPHERE_SINK"] == sink
    assert {variable(field) for field in Settings.model_fields} | {"AWS_REGION"} >= set(environment)


@pytest.mark.parametrize("key", list(VARIABLES))
def test_deploy_sh_knows_the_variable_of_every_output(key: str) -> None:
    assert chosen()["Outputs"].keys() == VARIABLES.keys()
    assert f"    {key}) printf {VARIABLES[key]} ;;\n" in (FOLDER / "deploy.sh").read_text()


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
    ("source", "sink", "queues"),
    [
        ("queue", "queue", {"input", "input-dead-letters", "output", "output-dead-letters"}),
        ("queue", "bucket", {"input", "input-dead-letters"}),
        ("direct", "queue", {"output", "output-dead-letters"}),
        ("bucket", "bucket", set()),
    ],
)
def test_a_queue_that_the_choice_does_not_use_is_not_made(
    stack: Stack, source: str, sink: str, queues: set[str]
) -> None:
    stack.create(Source=source, Sink=sink)
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
    stack.update(Source="direct", Tolerance="0.5")
    assert _queues() == {"hybridsphere-output", "hybridsphere-output-dead-letters"}
    assert stack.environment()["HYBRIDSPHERE_SOURCE"] == "direct"
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
    settings = RuntimeSettings.from_environ(variables)
    assert settings.output_queue_url == stack.environment()["HYBRIDSPHERE_OUTPUT_QUEUE_URL"]
    assert settings.gallery == f"s3://{stack.physical_id('GalleryBucket')}/gallery.npz"


def test_no_concurrency_is_reserved_unless_asked_for() -> None:
    assert "ReservedConcurrentExecutions" not in _properties("Function")
    assert "ReservedConcurrentExecutions" in _properties("Function", ReservedConcurrency="5")


@pytest.mark.parametrize(
    ("source", "notified"),
    [
        ("queue", {"QueueConfigurations": "Queue"}),
        ("direct", {"LambdaConfigurations": "Function"}),
        ("bucket", {}),
    ],
)
def test_the_input_bucket_notifies_of_every_created_object(
    source: str, notified: dict[str, str]
) -> None:
    notification = _properties("InputBucket", Source=source)["NotificationConfiguration"]
    assert set(notification) == set(notified)
    for kind, target in notified.items():
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


@pytest.mark.parametrize("name", ["InputBucket", "OutputBucket", "GalleryBucket"])
def test_a_key_of_kms_encrypts_every_bucket(name: str) -> None:
    def rule(**parameters: str) -> dict[str, Any]:
        encryption = _properties(name, **parameters)["BucketEncryption"]
        [only] = encryption["ServerSideEncryptionConfiguration"]
        return dict(only)

    assert rule() == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert rule(KmsKeyArn=KEY_ARN) == {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Ref": "KmsKeyArn"},
        },
    }


@pytest.mark.parametrize(("sink", "target"), [("queue", "OutputQueue"), ("bucket", "OutputBucket")])
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
