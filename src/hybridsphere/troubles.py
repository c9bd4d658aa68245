"""The troubles of a bridge and their remedies: one table for doctor, status and `/readyz`.

Each trouble belongs to a symptom, which is a heading of docs/operations.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from hybridsphere.errors import CHECK_NETWORK
from hybridsphere.settings import variable

PAGE = "docs/operations.md"

FAILURES_IN_A_ROW = 3
"""Failures of one kind of work, without a success between them, that count as a trouble."""


class Symptom(Enum):
    """Everything that an operator can meet; the value is the heading that explains it."""

    STARTING = "The bridge is starting"
    SILENT = "The bridge does not answer"
    ANOTHER_PROGRAM = "Another program has the address"
    ANOTHER_BUCKET = "The bridge serves another bucket"
    ADDRESS = "The address cannot be used"
    VARIABLE = "A variable is wrong or missing"
    NO_CREDENTIALS = "There are no credentials"
    REFUSED_CREDENTIALS = "Credentials are refused"
    CLOCK = "The clock is wrong"
    PERMISSION = "A permission is missing"
    NOT_THERE = "A queue, bucket or function does not exist"
    NO_ANSWER = "AWS does not answer"
    QUEUE_ATTRIBUTES = "A queue has the wrong settings"
    PROTOCOL = "The server speaks another protocol"
    DISK_FULL = "The disk is full"
    READ_ONLY = "The disk is read-only"
    NOT_MOUNTED = "The disk is not mounted"
    LEDGER_HELD = "Another program holds the ledger"
    FOLDER = "The results folder cannot be used"
    LEDGER_DAMAGED = "The ledger is damaged"
    MEMORY_DAMAGED = "The memory is damaged"
    PLACE_TAKEN = "The place of one result is taken"
    HOST = "A private place does not answer"
    BUDGET = "The budget of the day is spent"
    REJECTED = "Messages are rejected"
    FAILING = "Uploads fail"

    @property
    def link(self) -> str:
        """The place in the documentation, with the anchor that Markdown makes of the heading."""
        anchor = re.sub(r"[^\w\- ]", "", self.value.lower()).replace(" ", "-")
        return f"{PAGE}#{anchor}"


@dataclass(frozen=True, slots=True)
class Remedy:
    """A fix in one clause, and the symptom that explains it."""

    fix: str
    symptom: Symptom

    def __str__(self) -> str:
        return f"{self.fix} ({self.symptom.link})"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A part that does not work, and the reason as the bridge reports it."""

    part: str
    reason: str

    @property
    def remedy(self) -> Remedy:
        return remedy_for_trouble(self.part, self.reason)

    def to_dict(self) -> dict[str, str]:
        """The trouble with its remedy, for JSON."""
        remedy = self.remedy
        return {
            "part": self.part,
            "reason": self.reason,
            "fix": remedy.fix,
            "see": remedy.symptom.link,
        }


_REFUSED_CREDENTIALS = (
    r"(InvalidClientTokenId|UnrecognizedClient\w*|InvalidAccessKeyId|SignatureDoesNotMatch"
    r"|InvalidSignature\w*|IncompleteSignature\w*|MissingAuthenticationToken\w*|AuthFailure"
    r"|ExpiredToken\w*|InvalidToken|TokenRefreshRequired|NotSignedUp)"
)
_NOT_THERE = (
    r"(NoSuchBucket|\S*NonExistentQueue\w*|\S*QueueDoesNotExist\w*|ResourceNotFoundException)"
)
_CLOCK = r"(RequestTimeTooSkewed|RequestExpired|\w+: Signature (expired|not yet current))"

_BY_REASON = [
    (rf"[^:]+: {_CLOCK}", "start an NTP client", Symptom.CLOCK),
    (
        rf"[^:]+: {_REFUSED_CREDENTIALS}:",
        "renew the AWS credentials, or correct them",
        Symptom.REFUSED_CREDENTIALS,
    ),
    (
        r".*(credential|MFA|\bSSO\b)",
        "correct AWS_PROFILE or the access key, or what supplies them",
        Symptom.NO_CREDENTIALS,
    ),
    (rf"[^:]+: {_NOT_THERE}:", "correct {variable}", Symptom.NOT_THERE),
    (r".*old query protocol", "use a server that speaks SQS's JSON protocol", Symptom.PROTOCOL),
    (
        r"[^:]+: (\S*AccessDenied\w*|\S*NotAuthorized\w*|UnauthorizedOperation|Forbidden|403):",
        "allow {action} to these credentials, or correct {variable}",
        Symptom.PERMISSION,
    ),
]
"""The reasons that calls of AWS fail with: the call's name, then mostly a code.

Every other reason counts as a missing answer.
"""

NO_ANSWER = Remedy(CHECK_NETWORK, Symptom.NO_ANSWER)

_OF_THE_DISK = [
    (
        r"damaged|malformed|not a database|no ledger",
        "stop the bridge and move the ledger away",
        Symptom.LEDGER_DAMAGED,
    ),
    (r"full|No space|quota|File too large", "make room on the disk", Symptom.DISK_FULL),
    (r"read-?only", "mount the disk writable again", Symptom.READ_ONLY),
    (
        r"gone|No such file|was replaced|not mounted|Stale",
        "mount the disk again; to begin a new ledger without it, restart the bridge",
        Symptom.NOT_MOUNTED,
    ),
    (r"locked|busy", "end the program that holds the ledger", Symptom.LEDGER_HELD),
]

_OF_THE_MEMORY = [
    (
        r"damaged|malformed|not a database|no memory|moved away|MemoryFileError",
        "stop the bridge and move the memory away",
        Symptom.MEMORY_DAMAGED,
    ),
    *_OF_THE_DISK,
]

_FOLDER = Remedy(f"give {variable('results_dir')} a folder that can be written to", Symptom.FOLDER)

_OF_THE_BRIDGE = [
    (
        r"does not answer",
        f"start the bridge, or correct {variable('http')}",
        Symptom.SILENT,
    ),
    (
        r"something else answers",
        f"name a free address in {variable('http')}, for the bridge and the commands",
        Symptom.ANOTHER_PROGRAM,
    ),
    (
        r"serves the bucket",
        f"correct {variable('http')} or {variable('results_dir')}",
        Symptom.ANOTHER_BUCKET,
    ),
]

_STARTING = Remedy("wait some seconds; if this lasts, read the log", Symptom.STARTING)

_OF_A_PLACE = [
    (r"unmount", "unmount the disk in its place"),
    (r"user write", "let the bridge's user write to its folder"),
    (r"own disk", "keep the whole results folder on one disk"),
    (r"takes this name", "keep the results folder on a file system that takes the name"),
    (r"", "move the obstacle out of the results folder"),
]

_ACTIONS = {
    "ReceiveMessage": "sqs:ReceiveMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "SendMessage": "sqs:SendMessage",
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "Invoke": "lambda:InvokeFunction",
    "Invoke (DryRun)": "lambda:InvokeFunction",
}
"""The permission that each call needs."""

_NAMED_BY = {
    "input queue": "input_queue_url",
    "output queue": "output_queue_url",
    "dead-letter queue": "dead_letter_queue_url",
    "input bucket": "input_bucket",
    "output bucket": "output_bucket",
    "faces": "output_bucket",
    "function": "function_name",
}
"""The field of the settings that names each part."""


def remedy_for_trouble(part: str, reason: str) -> Remedy:
    """Find the remedy for a part that fails for a reason, both as `/readyz` has them."""
    if part == "bridge":
        return _first(_OF_THE_BRIDGE, reason) or _STARTING
    if part.startswith("file "):
        fix = next(fix for word, fix in _OF_A_PLACE if re.search(word, reason))
        return Remedy(fix, Symptom.PLACE_TAKEN)
    if part in {"results", "ledger", "memory"}:
        rows = _OF_THE_MEMORY if part == "memory" else _OF_THE_DISK
        return _first(rows, reason) or _FOLDER
    return _remedy_for_work(part, reason) or remedy_for_call(part, reason)


def _remedy_for_work(part: str, reason: str) -> Remedy | None:
    """Find the remedy for uploads, messages, hosts and the budget; None for another part."""
    if part == "uploads":
        return Remedy("read the function's log, then run `hybridsphere replay`", Symptom.FAILING)
    if part == "budget":
        return Remedy(f"add hosts, or raise {variable('daily_budget_usd')}", Symptom.BUDGET)
    if part.startswith("private endpoint"):
        if re.match(rf"[^:]+: {_REFUSED_CREDENTIALS}", reason):
            return Remedy(f"correct {variable('host_keys')}", Symptom.HOST)
        fix = f"start the host, or correct {variable('private_endpoints')}"
        return Remedy(fix, Symptom.HOST)
    if part.endswith((" messages", " objects")):
        fix = "read message.rejected in the bridge's log"
        if re.search(r"bucket is .*, not ", reason):
            fix = f"correct {variable('input_bucket')}, or the bucket's notifications"
        return Remedy(fix, Symptom.REJECTED)
    return None


def remedy_for_call(part: str, reason: str) -> Remedy:
    """Find the remedy for a call of AWS that failed; the reason begins with the call's name."""
    call = reason.partition(": ")[0]
    field = next((field for name, field in _NAMED_BY.items() if part.startswith(name)), None)
    words = {
        "variable": variable(field) if field else "the setting that names it",
        "action": _ACTIONS.get(call, call),
    }
    for pattern, fix, symptom in _BY_REASON:
        if re.match(pattern, reason, re.IGNORECASE):
            return Remedy(fix.format_map(words), symptom)
    return NO_ANSWER


def run_of_failures(count: int, reason: str) -> str:
    """Write the reason of work that fails again and again: rejected messages, failed uploads."""
    which = f"the last {FAILURES_IN_A_ROW}" if count >= FAILURES_IN_A_ROW else "every one"
    return f"{which} failed: {reason}"


def in_words(troubles: Mapping[str, str]) -> list[Trouble]:
    """Turn the troubles of a bridge, reason by part, into a list."""
    return [Trouble(part, reason) for part, reason in troubles.items()]


def _first(rows: list[tuple[str, str, Symptom]], reason: str) -> Remedy | None:
    for word, fix, symptom in rows:
        if re.search(word, reason, re.IGNORECASE):
            return Remedy(fix, symptom)
    return None
