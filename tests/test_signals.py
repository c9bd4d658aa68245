"""The signals that stop a bridge."""

import subprocess
import sys

import pytest

# As a terminal starts it, whatever the tests themselves were started by.
AT_A_TERMINAL = ["env", "--default-signal=HUP"]

HUNG_UP = """
import signal
from hybridsphere.signals import heard_at_once
with heard_at_once():
    signal.raise_signal(signal.SIGHUP)
print("lives")
"""


@pytest.mark.parametrize(("wrapper", "said"), [(AT_A_TERMINAL, b""), (["nohup"], b"lives\n")])
def test_a_hangup_ends_a_bridge_unless_nohup_started_it(wrapper: list[str], said: bytes) -> None:
    ended = subprocess.run(
        [*wrapper, sys.executable, "-c", HUNG_UP],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert ended.stdout == said
