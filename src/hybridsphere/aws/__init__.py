"""AWS as the bridge sees it: queues, buckets and a function. Only this package knows botocore.

Every failed call raises one of three errors. Throttled and Unavailable pass; Refused lasts until
somebody mends something. The caller decides about retries, so botocore's own are switched off.
"""

from hybridsphere.aws.bucket import Bucket, Fetched, Listed
from hybridsphere.aws.clients import Aws, client_config, connect
from hybridsphere.aws.credentials import session
from hybridsphere.aws.endpoints import resolve
from hybridsphere.aws.errors import AwsError, ReceiptGone, Refused, Throttled, Unavailable
from hybridsphere.aws.function import Function, FunctionError
from hybridsphere.aws.queue import SQS_BATCH, VISIBILITY_TIMEOUT_S, Message, Queue

__all__ = [
    "SQS_BATCH",
    "VISIBILITY_TIMEOUT_S",
    "Aws",
    "AwsError",
    "Bucket",
    "Fetched",
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
    "resolve",
    "session",
]
