"""The event in a call of the Invoke API."""

import json

from aiohttp import web

from hybridsphere.host.refusal import Refusal

MAX_PAYLOAD_BYTES = {"RequestResponse": 6 * 1024**2, "DryRun": 6 * 1024**2, "Event": 1024**2}
"""By invocation type (AWS Lambda developer guide, "Lambda quotas")."""


async def read_payload(request: web.Request, kind: str) -> bytes:
    """Read the body of a call. Raises Refusal for an unknown type, or for too large a body."""
    limit = MAX_PAYLOAD_BYTES.get(kind)
    if limit is None:
        message = f"InvocationType is {kind!r}, not one of {', '.join(MAX_PAYLOAD_BYTES)}"
        raise Refusal(400, "InvalidParameterValueException", message)
    too_large = (request.content_length or 0) > limit
    payload = b""
    if not too_large:
        try:
            payload = await request.read()
            too_large = len(payload) > limit
        except web.HTTPRequestEntityTooLarge:
            too_large = True
    if too_large:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise Refusal(413, "RequestEntityTooLargeException", message)
    return payload


def event_in(payload: bytes) -> bytes:
    """Return the event unchanged; an empty one is an empty object. Raises Refusal for no JSON."""
    try:
        json.loads(payload or b"{}")
    except (ValueError, RecursionError) as error:
        message = f"Could not parse request body into json: {error}"
        raise Refusal(400, "InvalidRequestContentException", message) from error
    return payload or b"{}"
