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

    `input_bucket` is missing if no bridge answered. The figures go by place, as `input queue` or
    `output bucket`. `held` counts the messages or objects in flight, `oldest_s` is the age of the
    oldest, and `rejected` counts since the start.
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
        families = {family.name: family for family in text_string_to_metric_families(text)}
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
        held=_counts(families, "in_flight"),
        oldest_s=_by_place(families, "oldest_seconds"),
        rejected=_counts(families, "rejected"),
    )


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()


def _counts(families: Mapping[str, Metric], figure: str) -> dict[str, int]:
    return {place: int(value) for place, value in _by_place(families, figure).items()}


def _by_place(families: Mapping[str, Metric], figure: str) -> dict[str, float]:
    """Find a figure about the messages of queues and about the objects of buckets."""
    return {
        f"{sample.labels[kind]} {kind}": sample.value
        for things, kind in (("messages", "queue"), ("objects", "bucket"))
        if (family := families.get(f"hybridsphere_{things}_{figure}"))
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
