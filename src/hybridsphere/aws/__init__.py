"""AWS as the bridge sees it: queues and a function. The one room that knows botocore.

Every failure of a call is one of three: Throttled and Unavailable pass by themselves, Refused needs
somebody to mend something. Retrying is the caller's business, so botocore's own is switched off.
"""

from hybridsphere.aws.bucket import Bucket, Listed
from hybridsphere.aws.clients import Aws, client_config, connect, session
from hybridsphere.aws.errors import AwsError, ReceiptGone, Refused, Throttled, Unavailable
from hybridsphere.aws.function import Function, FunctionError
from hybridsphere.aws.queue import BATCH, VISIBILITY_TIMEOUT_S, Message, Queue

__all__ = [
    "BATCH",
    "VISIBILITY_TIMEOUT_S",
    "Aws",
    "AwsError",
    "Bucket",
    "Function",
    "FunctionError",
    "Listed",
    "Message",
    "Queue",
    "ReceiptGone",
    "Refused",
    "Throttled",
    "Unavailable",
    "client_config",
    "connect",
    "session",
]
