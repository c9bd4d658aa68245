"""What an account holds for HybridSphere, declared in one place.

The names are those of the account on this machine; a deployed one may choose others. Everything
else is the same in both.
"""

from dataclasses import dataclass

from hybridsphere.local.function import FunctionSettings

REGION = "us-east-1"
INPUT_BUCKET = "input-bucket-video"
OUTPUT_BUCKET = "output-bucket-vid"
TABLE = "students"
TABLE_KEY = "name"
"""Partition key of the students, a string."""

NOTIFIED_EVENTS = ("s3:ObjectCreated:*",)
"""What the input bucket tells the input queue of: every created object, without a filter, because
filters are case-sensitive and would lose uploads.
"""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A queue with a dead-letter queue of its own; times in seconds."""

    name: str
    visibility_timeout_s: int = 30
    receive_wait_s: int = 20
    max_receives: int = 50
    """So many that crashes do not turn good messages into dead ones."""
    retention_s: int = 1_209_600
    """Of the queue and of its dead letters: 14 days, the longest there is."""

    @property
    def dead_letter_name(self) -> str:
        return f"{self.name}-dead-letters"


INPUT_QUEUE = QueueSettings("hybridsphere-input")
OUTPUT_QUEUE = QueueSettings("hybridsphere-output")
TRIGGER_QUEUE = "hybridsphere-trigger"
"""Stands between bucket and function where the bucket triggers the function itself; AWS has none
that anybody sees.
"""

FUNCTION = FunctionSettings(
    name="face-recognition",
    handler="lambda_fn.handler.face_recognition_handler",
    timeout_s=900,
    memory_mb=2048,
    reserved_concurrency=10,
    environment={},
    region=REGION,
)
"""The environment is filled in, and the concurrency chosen, where the account is made."""
