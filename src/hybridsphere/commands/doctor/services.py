"""What AWS says of the services that the variables name: whether they are there and allowed.

Every call is harmless: nothing is invoked, deleted or sent. A message that is received to find out
whether that is allowed is visible again at once; where a receive too many could make it a dead
letter, none is.
"""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping
from email.utils import parsedate_to_datetime

import aiohttp

from hybridsphere.aws import (
    VISIBILITY_TIMEOUT_S,
    Aws,
    AwsError,
    Bucket,
    Listed,
    Queue,
    Refused,
)
from hybridsphere.aws.one_shot import client
from hybridsphere.commands.doctor.check import Finding
from hybridsphere.messages import without_passwords
from hybridsphere.paths import OWN_FOLDER
from hybridsphere.settings import Settings, variable

MOST_SKEW_S = 60
"""AWS refuses signatures that are five minutes off (Signature Version 4); warn well before."""

LEAST_RECEIVES = 10
"""A redrive after fewer receives turns good messages into dead ones when the bridge crashes."""

NOBODY = Listed(f"{OWN_FOLDER}/nobody", etag="none", last_modified="", size=0)
"""An object that is in no bucket."""

# What SQS says to a receipt handle that is none, and to a message that cannot be sent; what S3 says
# of an object that is not there.
_REFUSED_AS_MEANT = {
    "InvalidParameterValue",
    "MissingParameter",
    "ReceiptHandleIsInvalid",
    "NoSuchKey",
}

_NETWORK = "see to the network, AWS_REGION and AWS_ENDPOINT_URL"

_NAMED_BY = {
    "input queue": "input_queue_url",
    "output queue": "output_queue_url",
    "dead-letter queue": "dead_letter_queue_url",
    "input bucket": "input_bucket",
    "output bucket": "output_bucket",
    "function": "function_name",
}


async def examine_services(
    aws: Aws, settings: Settings, wrong: Collection[str]
) -> AsyncIterator[Finding]:
    """Look at each service that this source and sink need; `wrong` are fields of no use."""
    yield await _clock(settings)
    ways = {"input": settings.source, "output": settings.sink}
    for name, way in ways.items():
        async for finding in _way(aws, settings, name, way):
            yield finding
    if url := settings.dead_letter_queue_url:
        async for finding in _dead_letters(aws.queue(url)):
            yield finding
    elif "queue" in ways.values() and "dead_letter_queue_url" not in wrong:
        detail = "none named: what can never succeed is logged and left to its queue's own redrive"
        yield Finding("dead-letter queue", detail)
    if settings.function_name and settings.source != "direct":
        function = aws.function(settings.function_name, settings.invocation_type)
        probe = function.probe()
        yield await _allowed("function", "lambda:InvokeFunction", probe, function.name)


async def _way(aws: Aws, settings: Settings, name: str, way: str) -> AsyncIterator[Finding]:
    """A way in or out; one whose variable is missing has been found already."""
    if way == "queue" and (url := getattr(settings, f"{name}_queue_url")):
        async for finding in _queue(f"{name} queue", aws.queue(url)):
            yield finding
    bucket = getattr(settings, f"{name}_bucket")
    if bucket and way != "bucket":
        yield await _named(f"{name} bucket", aws.bucket(bucket))
    elif bucket:
        async for finding in _bucket(f"{name} bucket", aws.bucket(bucket), read=name == "output"):
            yield finding


async def _clock(settings: Settings) -> Finding:
    """Compare the clocks by the date of any answer, even of a refusal."""
    url = settings.output_queue_url or settings.input_queue_url or await _endpoint()
    try:
        timeout = aiohttp.ClientTimeout(total=10)
        async with (
            aiohttp.ClientSession(timeout=timeout) as web,
            web.get(url, allow_redirects=False) as answer,
        ):
            theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
        reason = f"{url} gave no date: {error or type(error).__name__}"
        return Finding("clock", without_passwords(reason), _NETWORK)
    skew_s = time.time() - theirs
    if abs(skew_s) < 1:
        return Finding("clock", "agrees with that of AWS")
    detail = f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} that of AWS"
    return Finding("clock", detail, "start an NTP client" if abs(skew_s) > MOST_SKEW_S else "")


async def _endpoint() -> str:
    """Where S3 answers in this region, or what stands for it."""
    async with client("s3") as s3:
        return str(s3.meta.endpoint_url)


async def _queue(part: str, queue: Queue) -> AsyncIterator[Finding]:
    try:
        attributes = await queue.attributes()
    except AwsError as error:
        yield _refusal(part, "sqs:GetQueueAttributes", error, queue.url)
        return
    yield _visibility_timeout(part, attributes)
    redrive = _redrive(part, attributes)
    yield redrive
    if redrive.well:
        receipt = queue.receive(1, visibility_timeout_s=0, wait_s=0)
        yield await _allowed(part, "sqs:ReceiveMessage", receipt, queue.url)
    # No message has this receipt handle: nothing is deleted, nothing changed.
    yield await _allowed(part, "sqs:DeleteMessage", queue.delete(["none"]), queue.url)
    changed = queue.change_visibility(["none"], VISIBILITY_TIMEOUT_S)
    yield await _allowed(part, "sqs:ChangeMessageVisibility", changed, queue.url)


async def _dead_letters(queue: Queue) -> AsyncIterator[Finding]:
    part = "dead-letter queue"
    found = await _allowed(part, "sqs:GetQueueAttributes", queue.attributes(), queue.url)
    yield found
    if found.well:
        yield await _allowed(part, "sqs:SendMessage", queue.probe_sending(), queue.url)


async def _bucket(part: str, bucket: Bucket, *, read: bool) -> AsyncIterator[Finding]:
    found = await _allowed(part, "s3:ListBucket", bucket.probe(), bucket.name)
    yield found
    # That an object is not there, S3 says only to those who may list and read.
    if read and found.well:
        yield await _allowed(part, "s3:GetObject", bucket.get(NOBODY), bucket.name)


async def _named(part: str, bucket: Bucket) -> Finding:
    """Whether a bucket is there of which the bridge needs the name alone, and no permission.

    Of one that is not, every message names another: all would be rejected, and nothing in trouble.
    """
    try:
        await bucket.probe()
    except AwsError as error:
        if isinstance(error, Refused) and error.not_there:
            return _refusal(part, "s3:ListBucket", error, bucket.name)
        detail = f"whether {bucket.name} is there could not be asked, nor need it be: {error}"
        return Finding(part, detail)
    return Finding(part, f"{bucket.name} is there")


def _visibility_timeout(part: str, attributes: Mapping[str, str]) -> Finding:
    timeout_s = int(attributes["VisibilityTimeout"])
    remedy = "" if timeout_s == VISIBILITY_TIMEOUT_S else f"set it to {VISIBILITY_TIMEOUT_S} s"
    return Finding(part, f"visibility time-out {timeout_s} s", remedy)


def _redrive(part: str, attributes: Mapping[str, str]) -> Finding:
    policy = json.loads(attributes.get("RedrivePolicy", "{}"))
    receives = int(policy.get("maxReceiveCount", 0))
    if not receives:
        remedy = "give it one: maxReceiveCount 50 in a redrive policy"
        return Finding(part, "no dead-letter queue of its own", remedy)
    remedy = "" if receives >= LEAST_RECEIVES else "set maxReceiveCount 50 in its redrive policy"
    return Finding(part, f"gives a message up after {receives} receives", remedy)


async def _allowed(part: str, action: str, call: Awaitable[object], name: str) -> Finding:
    """Whether a call about `name` is allowed; one that is refused for another reason is."""
    try:
        await call
    except AwsError as error:
        if not (isinstance(error, Refused) and error.code in _REFUSED_AS_MEANT):
            return _refusal(part, action, error, name)
    return Finding(part, f"{action} allowed")


def _refusal(part: str, action: str, error: AwsError, name: str) -> Finding:
    detail = f"{name}: {error}"
    if not isinstance(error, Refused):
        return Finding(part, detail, _NETWORK)
    correct = f"correct {variable(_NAMED_BY[part])}"
    if error.not_there:
        return Finding(part, detail, correct)
    return Finding(part, detail, f"allow {action} to these credentials, or {correct}")
