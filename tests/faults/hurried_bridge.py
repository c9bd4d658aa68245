"""`hybridsphere bridge` with a tenth of its patience, so that a test of a fault takes seconds."""

from hybridsphere.bridge import backoff, poller
from hybridsphere.cli import main

HURRY = 10
WAITS = {
    backoff: ("FIRST_S", "LONGEST_S", "LONGEST_REFUSED_S"),
    poller: ("VISIBILITY_TIMEOUT_S", "HEARTBEAT_MARGIN_S"),
}

if __name__ == "__main__":
    for module, names in WAITS.items():
        for name in names:
            setattr(module, name, type(getattr(module, name))(getattr(module, name) / HURRY))
    main(["bridge"])
