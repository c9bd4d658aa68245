"""The services of AWS that the variables name: whether they exist and may be used.

Every call is harmless: nothing is invoked, deleted, written or sent. A message that is received to
test that permission is visible again at once. No message is received where one more receive could
make it a dead letter.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from hybridsphere.aws import (
    VISIBILITY_TIMEOUT_S,
    Aws,
    AwsError,
    Bucket,
    Listed,
    Queue,
    Refused,
    Unavailable,
    resolve,
)
from hybridsphere.aws.bucket import NOBODY
from hybridsphere.commands.doctor.check import Check
from hybridsphere.errors import ConfigurationError
from hybridsphere.keys import KeyPair, read_keys
from hybridsphere.settings import Settings, variable
from hybridsphere.troubles import Symptom, remedy_for_call, remedy_for_trouble

ANSWER_S = 5.0
"""How long one call may take: AWS answers in a fraction of a second, and a person waits."""

LEAST_RECEIVES = 10
"""A redrive after fewer receives turns good messages into dead ones when the bridge crashes."""

Answer = TypeVar("Answer")
Probe = Callable[[Aws], Awaitable[list[Check]]]

# SQS answers a wrong receipt handle and an impossible message so, S3 an object that is not there.
_REFUSED_AS_MEANT = {
    "InvalidParameterValue",
    "MissingParameter",
    "ReceiptHandleIsInvalid",
    "NoSuchKey",
}

_CONDITION_FAILED = {"NoSuchKey", "PreconditionFailed", "ConditionalRequestConflict"}


@dataclass(frozen=True, slots=True)
class Services:
    """The services that this source and sink need; `wrong` are the fields with no usable value."""

    settings: Settings
    wrong: Collection[str]

    def probes(self) -> dict[str, Probe]:
        """Return a probe for each part, in the order of the report."""
        settings = self.settings
        probes: dict[str, Probe] = {}
        for side, kind in (("input", settings.source), ("output", settings.sink)):
            probes |= self._side(side, kind)
        if url := settings.dead_letter_queue_url:
            probes["dead-letter queue"] = lambda aws: _dead_letters(aws.queue(url))
        elif self._needs_dead_letters:
            probes["dead-letter queue"] = _no_dead_letters
        if (name := settings.function_name) and settings.source != "direct":
            probes["function"] = lambda aws: _function(aws, name, settings.invocation_type)
        if settings.private_endpoints and settings.source != "direct":
            probes["private places"] = lambda aws: _hosts(aws, settings)
        return probes

    @property
    def _needs_dead_letters(self) -> bool:
        """Whether there are messages to reject; a wrong variable is reported already."""
        has_queue = "queue" in {self.settings.source, self.settings.sink}
        return has_queue and "dead_letter_queue_url" not in self.wrong

    def _side(self, side: str, kind: str) -> dict[str, Probe]:
        """Return the probes of the source or the sink; a missing variable is reported already."""
        probes: dict[str, Probe] = {}
        url = getattr(self.settings, f"{side}_queue_url")
        name = getattr(self.settings, f"{side}_bucket")
        if url and kind == "queue":
            probes[f"{side} queue"] = lambda aws: _queue(f"{side} queue", aws.queue(url))
        if name:
            used = kind == "bucket"
            probes[f"{side} bucket"] = lambda aws: _bucket(side, aws.bucket(name), used=used)
        return probes


async def _queue(part: str, queue: Queue) -> list[Check]:
    try:
        attributes = await _within(queue.attributes())
    except AwsError as error:
        return [_failure(part, error, queue.url)]
    redrive = _redrive(part, attributes)
    # No message has this receipt handle: nothing is deleted, nothing changed.
    calls: dict[str, Awaitable[object]] = {
        "sqs:DeleteMessage": queue.delete(["none"]),
        "sqs:ChangeMessageVisibility": queue.change_visibility(["none"], VISIBILITY_TIMEOUT_S),
    }
    if not redrive.is_bad:
        receipt = queue.receive(1, visibility_timeout_s=0, wait_s=0)
        calls = {"sqs:ReceiveMessage": receipt, **calls}
    allowed = await asyncio.gather(
        *(_allowed(part, action, call, queue.url) for action, call in calls.items())
    )
    return [_visibility_timeout(part, attributes), redrive, *allowed]


async def _dead_letters(queue: Queue) -> list[Check]:
    part = "dead-letter queue"
    found = await _allowed(part, "sqs:GetQueueAttributes", queue.attributes(), queue.url)
    if found.is_bad:
        return [found]
    sending = await _allowed(part, "sqs:SendMessage", queue.probe_sending(), queue.url)
    return [found, sending]


async def _no_dead_letters(_: Aws) -> list[Check]:
    detail = "none is named: rejected messages are logged and left to the queue's own redrive"
    return [Check.note("dead-letter queue", detail)]


async def _function(aws: Aws, name: str, invocation_type: str) -> list[Check]:
    probe = aws.function(name, invocation_type).probe()
    return [await _allowed("function", "lambda:InvokeFunction", probe, name)]


async def _hosts(aws: Aws, settings: Settings) -> list[Check]:
    """Check that every private place answers calls with the key pair."""
    try:
        pair = read_keys(settings.host_keys)[0] if settings.host_keys else None
        urls = await resolve(settings.private_endpoints or ())
    except ConfigurationError as error:
        return [Check.bad("private places", error.message, error.hint, Symptom.HOST)]
    except (OSError, UnicodeError) as error:
        fix = f"correct {variable('private_endpoints')}"
        return [Check.bad("private places", f"look-up: {error}", fix, Symptom.HOST)]
    return list(await asyncio.gather(*(_host(aws, url, pair) for url in urls)))


async def _host(aws: Aws, url: str, pair: KeyPair | None) -> Check:
    part = f"private endpoint {url}"
    try:
        host = await aws.host(url, pair, 1)
        await _within(host.probe())
    except AwsError as error:
        return Check(part, str(error), "bad", remedy_for_trouble(part, str(error)))
    return Check(part, "answers")


async def _bucket(side: str, bucket: Bucket, *, used: bool) -> list[Check]:
    """Check a bucket; the bridge needs permissions only where the bucket is `used` by it."""
    part = f"{side} bucket"
    listing = await (_listed if used else _named)(part, bucket)
    if listing.state != "ok" or side == "input":
        return [listing]
    checks = [listing]
    if used:
        # S3 says that an object does not exist only to those who may list and read.
        nobody = bucket.get(Listed(NOBODY, etag="none", last_modified="", size=0))
        checks.append(await _allowed(part, "s3:GetObject", nobody, bucket.name))
    return [*checks, *await _conditional_writes(part, bucket)]


async def _listed(part: str, bucket: Bucket) -> Check:
    return await _allowed(part, "s3:ListBucket", bucket.probe(), bucket.name)


async def _named(part: str, bucket: Bucket) -> Check:
    """Check that a bucket exists, of which the bridge needs the name and no permission.

    Without it, every message would name another bucket, and all would be rejected.
    """
    try:
        await _within(bucket.probe())
    except AwsError as error:
        if isinstance(error, Refused) and error.not_there:
            return _failure(part, error, bucket.name)
        detail = f"whether {bucket.name} exists could not be asked, nor need it be: {error}"
        return Check.note(part, detail)
    return Check(part, f"{bucket.name} exists")


async def _conditional_writes(part: str, bucket: Bucket) -> list[Check]:
    """Check that the function's writes can depend on the object that is there, if S3 says so.

    Otherwise the function compares the versions before it writes. Credentials that may not write
    are fine, and get no line.
    """
    try:
        await _within(bucket.probe_conditional_write())
    except Refused as error:
        if error.code in _CONDITION_FAILED:
            return [Check(part, "conditional writes are supported")]
        if error.code != "NotImplemented":
            return []
        limit = "two results of one video can overwrite each other (docs/servers.md)"
        return [Check.note(part, f"{bucket.name} refuses conditional writes: {limit}")]
    except AwsError:
        return []
    return [
        Check.note(part, f"{bucket.name} ignores the conditions of writes, and stored {NOBODY}")
    ]


def _visibility_timeout(part: str, attributes: Mapping[str, str]) -> Check:
    timeout_s = int(attributes["VisibilityTimeout"])
    detail = f"visibility time-out {timeout_s} s"
    if timeout_s == VISIBILITY_TIMEOUT_S:
        return Check(part, detail)
    fix = f"set it to {VISIBILITY_TIMEOUT_S} s"
    return Check.bad(part, detail, fix, Symptom.QUEUE_ATTRIBUTES)


def _redrive(part: str, attributes: Mapping[str, str]) -> Check:
    policy = json.loads(attributes.get("RedrivePolicy", "{}"))
    receives = int(policy.get("maxReceiveCount", 0))
    if not receives:
        fix = "give it one: maxReceiveCount 50 in a redrive policy"
        return Check.bad(part, "no dead-letter queue", fix, Symptom.QUEUE_ATTRIBUTES)
    detail = f"gives a message up after {receives} receives"
    if receives >= LEAST_RECEIVES:
        return Check(part, detail)
    fix = "set maxReceiveCount 50 in its redrive policy"
    return Check.bad(part, detail, fix, Symptom.QUEUE_ATTRIBUTES)


async def _allowed(part: str, action: str, call: Awaitable[object], name: str) -> Check:
    """Check that a call about `name` is allowed; a refusal for another reason shows that it is."""
    try:
        await _within(call)
    except AwsError as error:
        if not (isinstance(error, Refused) and error.code in _REFUSED_AS_MEANT):
            return _failure(part, error, name)
    return Check(part, f"{action} is allowed")


async def _within(call: Awaitable[Answer]) -> Answer:
    """Await a call for ANSWER_S at most. Raises Unavailable where no answer comes."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await call
    except TimeoutError:
        raise Unavailable(f"no answer within {ANSWER_S:g} s") from None


def _failure(part: str, error: AwsError, name: str) -> Check:
    return Check(part, f"{name}: {error}", "bad", remedy_for_call(part, str(error)))
