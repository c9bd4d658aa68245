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

    `input_bucket` is missing if no bridge answered. By queue or bucket, `held` counts the messages
    in flight, `oldest_s` has the age of the oldest, and `rejected` counts since the start.
    """

    troubles: list[Trouble]
    input_bucket: str | None = None
    held: Mapping[str, int] = field(default_factory=dict)
    oldest_s: Mapping[str, float] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)


def ask_bridge(address: tuple[str, int]) -> BridgeHealth:
    """Ask the bridge at an address; silence is a trouble as well."""
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
    return BridgeHealth(
        troubles,
        bucket,
        held=_counts(figures.get("hybridsphere_messages_in_flight")),
        oldest_s=_values(figures.get("hybridsphere_messages_oldest_seconds")),
        rejected=_counts(figures.get("hybridsphere_messages_rejected")),
    )


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()


def _counts(family: Metric | None) -> dict[str, int]:
    return {name: int(value) for name, value in _values(family).items()}


def _values(family: Metric | None) -> dict[str, float]:
    """The values of a counter or a gauge, by queue."""
    if family is None:
        return {}
    return {
        sample.labels["queue"]: sample.value
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
