"""The account on this machine behaves as the deployed one."""

import functools
import json
from typing import Any

import boto3

from hybridsphere.local import resources
from hybridsphere.local.account import CREDENTIALS, LocalAccount
from tests.deploy.aws.aws_stack import client, moto_account, moto_knows_less
from tests.deploy.aws.aws_template import chosen

pytestmark = moto_knows_less


async def test_its_queues_and_table_are_those_of_the_template(no_aws_variables: None) -> None:
    with moto_account() as stack:
        stack.create()
        deployed = _facts(
            sqs=client("sqs"),
            dynamodb=client("dynamodb"),
            queues=[stack.physical_id("InputQueue"), stack.physical_id("OutputQueue")],
            table=stack.physical_id("Students"),
        )
    async with LocalAccount() as account:
        here = functools.partial(
            boto3.client,
            region_name=resources.REGION,
            endpoint_url=account.environment()["AWS_ENDPOINT_URL"],
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        local = _facts(
            sqs=here("sqs"),
            dynamodb=here("dynamodb"),
            queues=[account.input_queue.url, account.output_queue.url],
            table=resources.TABLE,
        )
        notification = here("s3").get_bucket_notification_configuration(
            Bucket=resources.INPUT_BUCKET
        )
    assert local == deployed
    [told] = notification["QueueConfigurations"]
    [declared] = _properties("InputBucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert told["Events"] == [declared["Event"]]
    assert "Filter" not in told
    assert "Filter" not in declared


def test_its_function_has_the_settings_of_the_template() -> None:
    function, retries = _properties("Function"), _properties("FunctionRetries")
    assert resources.FUNCTION.timeout_s == function["Timeout"]
    assert resources.FUNCTION.memory_mb == function["MemorySize"]
    assert resources.FUNCTION.max_retries == retries["MaximumRetryAttempts"]
    assert resources.FUNCTION.max_event_age_s == retries["MaximumEventAgeInSeconds"]


def _facts(sqs: Any, dynamodb: Any, queues: list[str], table: str) -> dict[str, Any]:
    """Return the settings of an account without names: its queues and its table."""
    description = dynamodb.describe_table(TableName=table)["Table"]
    return {
        "queues": [_queue_facts(sqs, url) for url in queues],
        "key": description["KeySchema"],
        "types": description["AttributeDefinitions"],
        "billing": description["BillingModeSummary"]["BillingMode"],
    }


def _queue_facts(sqs: Any, url: str) -> dict[str, str]:
    queue = _attributes(sqs, url)
    redrive = json.loads(queue["RedrivePolicy"])
    dead_letters = redrive["deadLetterTargetArn"].rpartition(":")[2]
    url = sqs.get_queue_url(QueueName=dead_letters)["QueueUrl"]
    return {
        "visibility timeout": queue["VisibilityTimeout"],
        "receive wait time": queue["ReceiveMessageWaitTimeSeconds"],
        "retention": queue["MessageRetentionPeriod"],
        "largest message": queue["MaximumMessageSize"],
        "receives": str(redrive["maxReceiveCount"]),
        "retention of dead letters": _attributes(sqs, url)["MessageRetentionPeriod"],
    }


def _attributes(sqs: Any, url: str) -> dict[str, str]:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    attributes: dict[str, str] = answer["Attributes"]
    return attributes


def _properties(resource: str) -> dict[str, Any]:
    properties: dict[str, Any] = chosen()["Resources"][resource]["Properties"]
    return properties
