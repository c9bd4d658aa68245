"""What the bridge that listens at an address says of itself, in plain words."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 2.0
_REJECTED = "hybridsphere_messages_rejected_total"
_OBJECTS_REJECTED = "hybridsphere_objects_rejected_total"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a bridge answers, in words, and whether that is well.

    `rejected` has how many messages it has rejected since its start, by what they came from.
    """

    well: bool
    answer: str
    input_bucket: str | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)


def asked(address: tuple[str, int] | None) -> Readiness:
    """What `/readyz` and `/metrics` say at an address of the settings."""
    if address is None or address[1] == 0:
        return Readiness(True, "unknown, since HYBRIDSPHERE_HTTP names no fixed port")
    host, port = address
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        answer = json.loads(_got(connection, "/readyz"))
        bucket = str(answer["input_bucket"])
        troubles = [f"{part}: {reason}" for part, reason in answer["troubles"].items()]
        rejected = _rejected(_got(connection, "/metrics").decode())
    except OSError as error:
        return Readiness(False, f"does not answer at {host}:{port} ({error.strerror or error})")
    except (http.client.HTTPException, ValueError, LookupError, TypeError, AttributeError):
        return Readiness(False, f"something else answers at {host}:{port}")
    finally:
        connection.close()
    return Readiness(not troubles, "; ".join(troubles) or "ready", bucket, rejected)


def _got(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()


def _rejected(metrics: str) -> dict[str, int]:
    rejected = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == _REJECTED:
                rejected[sample.labels["queue"]] = int(sample.value)
            elif sample.name == _OBJECTS_REJECTED:
                rejected[f"{sample.labels['bucket']} bucket"] = int(sample.value)
    return rejected
