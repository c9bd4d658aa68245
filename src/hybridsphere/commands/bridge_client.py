"""The bridge that listens at an address, asked for its health."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from hybridsphere.troubles import Trouble, in_words

_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class BridgeHealth:
    """The health of a bridge, from `/readyz` and `/metrics`.

    `input_bucket` is None where no bridge answered. `held` counts the messages in flight and
    `rejected` the rejected ones since the start, by queue or bucket.
    """

    troubles: list[Trouble]
    input_bucket: str | None = None
    held: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)


def ask_bridge(address: tuple[str, int]) -> BridgeHealth:
    """Ask the bridge at an address; one that does not answer is a trouble as well."""
    host, port = address
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        answer = json.loads(_get(connection, "/readyz"))
        bucket, troubles = str(answer["input_bucket"]), in_words(answer["troubles"])
        text = _get(connection, "/metrics").decode()
        figures = {family.name: family for family in text_string_to_metric_families(text)}
    except OSError as error:
        reason = f"does not answer at {host}:{port} ({error.strerror or error})"
        return BridgeHealth([Trouble("bridge", reason)])
    except (http.client.HTTPException, ValueError, LookupError, TypeError, AttributeError):
        return BridgeHealth([Trouble("bridge", f"something else answers at {host}:{port}")])
    finally:
        connection.close()
    held = _counts(figures.get("hybridsphere_messages_in_flight"))
    rejected = _counts(figures.get("hybridsphere_messages_rejected"))
    return BridgeHealth(troubles, bucket, held, rejected)


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()


def _counts(family: Metric | None) -> dict[str, int]:
    """The values of a counter or a gauge, by queue."""
    if family is None:
        return {}
    return {
        sample.labels["queue"]: int(sample.value)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
