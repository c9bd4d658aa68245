"""The table of troubles and remedies, which doctor, status and `/readyz` share."""

import pytest

from hybridsphere.troubles import Symptom, remedy_for_trouble

EXPECTED = [
    ("bridge", "starting", Symptom.STARTING, "read the log"),
    (
        "input queue",
        "ReceiveMessage: InvalidClientTokenId: The security token is invalid",
        Symptom.REFUSED_CREDENTIALS,
        "renew the AWS credentials",
    ),
    (
        "function",
        "Invoke: ExpiredTokenException: The security token is expired",
        Symptom.REFUSED_CREDENTIALS,
        "renew the AWS credentials",
    ),
    (
        "input queue",
        "ReceiveMessage: Error when retrieving credentials from custom-process: gone",
        Symptom.NO_CREDENTIALS,
        "AWS_PROFILE",
    ),
    (
        "output queue",
        "ReceiveMessage: RequestTimeTooSkewed: too far",
        Symptom.CLOCK,
        "NTP",
    ),
    (
        "output queue",
        "ReceiveMessage: InvalidSignatureException: Signature expired: now later than then",
        Symptom.CLOCK,
        "NTP",
    ),
    (
        "input queue deletes",
        "DeleteMessageBatch: AccessDenied: no",
        Symptom.PERMISSION,
        "allow sqs:DeleteMessage to these credentials, or correct HYBRIDSPHERE_INPUT_QUEUE_URL",
    ),
    (
        "function",
        "Invoke: AccessDeniedException: no",
        Symptom.PERMISSION,
        "allow lambda:InvokeFunction",
    ),
    (
        "input queue",
        "ReceiveMessage: AWS.SimpleQueueService.NonExistentQueue: no",
        Symptom.NOT_THERE,
        "correct HYBRIDSPHERE_INPUT_QUEUE_URL",
    ),
    ("output bucket", "ListObjectsV2: NoSuchBucket: no", Symptom.NOT_THERE, "OUTPUT_BUCKET"),
    (
        "input queue",
        "ReceiveMessage: QueueDoesNotExistException: no",
        Symptom.NOT_THERE,
        "correct HYBRIDSPHERE_INPUT_QUEUE_URL",
    ),
    (
        "input queue",
        "ReceiveMessage: the server answers in XML, so it speaks SQS's old query protocol only.",
        Symptom.PROTOCOL,
        "JSON protocol",
    ),
    ("input queue", "ReceiveMessage: Cannot connect to host", Symptom.NO_ANSWER, "network"),
    ("input queue", "ReceiveMessage: InternalError: sorry", Symptom.NO_ANSWER, "network"),
    ("results", "OSError: [Errno 28] No space left on device", Symptom.DISK_FULL, "make room"),
    ("results", "OperationalError: database or disk is full", Symptom.DISK_FULL, "make room"),
    ("results", "OSError: [Errno 27] File too large: '/r/a.csv'", Symptom.DISK_FULL, "make room"),
    ("results", "OSError: [Errno 30] Read-only file system", Symptom.READ_ONLY, "writable"),
    (
        "results",
        "OperationalError: attempt to write a readonly database",
        Symptom.READ_ONLY,
        "writable",
    ),
    (
        "results",
        "FileNotFoundError: [Errno 2] gone, mount its disk again; to begin anew without it",
        Symptom.NOT_MOUNTED,
        "mount the disk again",
    ),
    ("results", "OperationalError: database is locked", Symptom.LEDGER_HELD, "end the program"),
    ("results", "LedgerError: x cannot be read: it is damaged", Symptom.LEDGER_DAMAGED, "move"),
    ("results", "PermissionError: [Errno 13] Permission denied", Symptom.FOLDER, "RESULTS_DIR"),
    ("memory", "MemoryFileError: x cannot be read: it is damaged", Symptom.MEMORY_DAMAGED, "move"),
    ("memory", "OSError: [Errno 28] No space left on device", Symptom.DISK_FULL, "make room"),
    (
        "faces",
        "GetObject: AccessDenied: no",
        Symptom.PERMISSION,
        "s3:GetObject to these credentials, or correct HYBRIDSPHERE_OUTPUT_BUCKET",
    ),
    (
        "file /r/a.csv",
        "[Errno 21] Is a directory, move away what is in the way of: '/r/a.csv'",
        Symptom.PLACE_TAKEN,
        "move the obstacle",
    ),
    (
        "file /r/a.csv",
        "[Errno 13] Permission denied, let the bridge's user write to the folder of: '/r/a.csv'",
        Symptom.PLACE_TAKEN,
        "user write",
    ),
    (
        "input messages",
        "every one failed: bucket is a, not b",
        Symptom.REJECTED,
        "HYBRIDSPHERE_INPUT_BUCKET",
    ),
    ("output messages", "every one failed: no JSON", Symptom.REJECTED, "message.rejected"),
    ("uploads", "the last 3 failed: KeyError", Symptom.FAILING, "function's log"),
]


@pytest.mark.parametrize(("part", "reason", "symptom", "fix"), EXPECTED)
def test_each_reason_has_its_remedy(part: str, reason: str, symptom: Symptom, fix: str) -> None:
    remedy = remedy_for_trouble(part, reason)
    assert remedy.symptom is symptom
    assert fix in remedy.fix


def test_a_link_leads_to_the_heading() -> None:
    link = Symptom.NOT_THERE.link
    assert link == "docs/operations.md#a-queue-bucket-or-function-does-not-exist"
