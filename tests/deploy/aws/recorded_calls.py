"""The calls that moto's server has recorded, by identity.

moto writes every request to the file that MOTO_RECORDER_FILEPATH names, if MOTO_ENABLE_RECORDING is
set where the local account starts. The access key names the identity, so the run must set a
different key for each: AWS_ACCESS_KEY_ID=bridge, =operator, =function.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.deploy.aws.permission_map import IDENTITIES, Call

_CREDENTIAL = re.compile(r"Credential=(?P<identity>[^/]+)/\d+/[^/]+/(?P<service>[^/]+)/")

# S3 names its operations by method, by what the path leads to, and by a flag in the query.
_S3_OPERATIONS = {
    ("GET", "bucket", "list-type"): "ListObjectsV2",
    ("POST", "bucket", "delete"): "DeleteObjects",
    ("POST", "object", "uploads"): "CreateMultipartUpload",
    ("PUT", "object", "partNumber"): "UploadPart",
    ("POST", "object", "uploadId"): "CompleteMultipartUpload",
    ("GET", "object", ""): "GetObject",
    ("HEAD", "object", ""): "HeadObject",
    ("PUT", "object", ""): "PutObject",
}


def recorded_calls(recording: Path) -> set[Call]:
    """Return the calls of the known identities in a recording; others are left out."""
    requests = [json.loads(line) for line in recording.read_text(encoding="utf-8").splitlines()]
    calls = {call for request in requests if (call := _call(request))}
    return {call for call in calls if call.identity in IDENTITIES}


def _call(request: dict[str, Any]) -> Call | None:
    headers = {name.lower(): text for name, text in request["headers"].items()}
    credential = _CREDENTIAL.search(headers.get("authorization", ""))
    if credential is None:
        return None
    service = credential["service"]
    if target := headers.get("x-amz-target"):
        operation = target.rpartition(".")[2]
    else:
        operation = _s3_operation(request["method"], request["url"])
    return Call(credential["identity"], service, operation)


def _s3_operation(method: str, url: str) -> str:
    """Return the operation's name, or a description that is in no map."""
    parts = urlsplit(url)
    thing = "object" if parts.path.strip("/").count("/") else "bucket"
    flags = parse_qs(parts.query, keep_blank_values=True).keys() - {"x-id"}
    for (its_method, its_thing, flag), operation in _S3_OPERATIONS.items():
        if (method, thing) == (its_method, its_thing) and (flag in flags if flag else not flags):
            return operation
    return f"{method} {thing}?{'&'.join(sorted(flags))}"
