"""`hybridsphere bridge` with a tenth of its patience, so that a test of a fault takes seconds."""

from hybridsphere.bridge import backoff, holdings, poller
from hybridsphere.cli import main as command

HURRY = 10
WAITS = {
    backoff: ["FIRST_S", "LONGEST_S", "LONGEST_IN_PLACE_S", "LONGEST_REFUSED_S"],
    holdings: ["VISIBILITY_TIMEOUT_S", "HEARTBEAT_MARGIN_S"],
    poller: ["VISIBILITY_TIMEOUT_S"],
}


def main() -> None:
    for module, names in WAITS.items():
        for name in names:
            shorter = getattr(module, name) / HURRY
            # SQS counts in whole seconds.
            setattr(module, name, int(shorter) if shorter.is_integer() else shorter)
    command(["bridge"])


if __name__ == "__main__":
    main()
