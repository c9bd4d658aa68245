"""The resources of an account, declared in one place.

The names are those of the local account; a deployed one may choose others. All else is the same.
"""

from dataclasses import dataclass

from hybridsphere.host.function import FunctionSettings

REGION = "us-east-1"
INPUT_BUCKET = "input-bucket-video"
OUTPUT_BUCKET = "output-bucket-vid"
TABLE = "students"
TABLE_KEY = "name"
"""Partition key of the students, a string."""

NOTIFIED_EVENTS = ("s3:ObjectCreated:*",)
"""The events of the input bucket: every created object, since filters are case-sensitive and would
lose uploads.
"""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A queue and its dead-letter queue; times in seconds."""

    name: str
    visibility_timeout_s: int = 30
    receive_wait_s: int = 20
    max_receives: int = 50
    """Receives before a message is a dead letter; crashes alone do not reach this number."""
    retention_s: int = 1_209_600
    """Retention of both queues: 14 days, SQS's maximum."""

    @property
    def dead_letter_name(self) -> str:
        return f"{self.name}-dead-letters"


INPUT_QUEUE = QueueSettings("hybridsphere-input")
OUTPUT_QUEUE = QueueSettings("hybridsphere-output")
TRIGGER_QUEUE = "hybridsphere-trigger"
"""The queue between bucket and function for source direct; in AWS it is invisible."""

FUNCTION = FunctionSettings(
    name="face-recognition",
    handler="lambda_fn.handler.face_recognition_handler",
    timeout_s=900,
    memory_mb=2048,
    reserved_concurrency=10,
    environment={},
    region=REGION,
)
"""LocalAccount fills in the environment and the concurrency."""
