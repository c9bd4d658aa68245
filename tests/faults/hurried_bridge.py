"""`hybridsphere bridge` with a tenth of its patience, so that a test of a fault takes seconds.

An argument is its visibility time-out, in whole seconds as SQS counts.
"""

import sys

from hybridsphere.bridge.bucket import watcher
from hybridsphere.bridge.pacing import backoff
from hybridsphere.bridge.queue import in_flight, poller
from hybridsphere.cli.app import main as command

HURRY = 10
WAITS = ("FIRST_S", "LONGEST_S", "LONGEST_IN_PLACE_S", "LONGEST_REFUSED_S")


def main() -> None:
    """Run the bridge."""
    visibility_timeout_s = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    for name in WAITS:
        setattr(backoff, name, getattr(backoff, name) / HURRY)
    for name in ("FASTEST_S", "SLOWEST_S"):
        setattr(watcher, name, getattr(watcher, name) / HURRY)
    for module in (in_flight, poller):
        module.VISIBILITY_TIMEOUT_S = visibility_timeout_s
    # A heartbeat a second; a machine that stands still may be late for it by all the rest.
    in_flight.HEARTBEAT_MARGIN_S = visibility_timeout_s - 1
    command(["bridge"])


if __name__ == "__main__":
    main()
