"""The double in a separate process, filled and watched from here."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from bench import process
from bench.doubles.account import FUNCTION, INPUT, OUTPUT, REGION
from bench.uploads import BUCKET

_POLL_S = 0.05
_STALLED_S = 60

FAST, PLAIN = "bench.doubles.double", "bench.doubles.plain"
"""The modules of the two doubles: the first costs little, the second is plain asyncio."""

Stats = dict[str, Any]


class BridgeFailed(Exception):
    """A bridge that ended, or did nothing more."""


@dataclass(frozen=True, slots=True)
class RunningDouble:
    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the whole environment of a bridge in front of the double."""
        ours = ("AWS_", "HYBRIDSPHERE_")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            "AWS_ENDPOINT_URL": self.endpoint,
            # The bridge reads the first name, boto3 the second.
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_CONFIG_FILE": os.devnull,
            "HYBRIDSPHERE_INPUT_QUEUE_URL": f"{self.endpoint}/000000000000/{INPUT}",
            "HYBRIDSPHERE_OUTPUT_QUEUE_URL": f"{self.endpoint}/000000000000/{OUTPUT}",
            "HYBRIDSPHERE_FUNCTION_NAME": FUNCTION,
            "HYBRIDSPHERE_INPUT_BUCKET": BUCKET,
            "HYBRIDSPHERE_HTTP": "",
        }

    def fill(self, messages: int, per_s: float | None = None) -> None:
        """Put uploads on the input queue: at once, or one by one at random moments."""
        self._call("/fill", {"messages": messages, "per_s": per_s})

    def stats(self) -> Stats:
        return dict(self._call("/stats"))

    def delays_ms(self) -> list[float]:
        """How long each upload was on its way from the queue to Invoke, in milliseconds."""
        return list(self._call("/delays"))

    def pass_through(
        self, messages: int, bridge: subprocess.Popen[bytes], per_s: float | None = None
    ) -> Stats:
        """Fills, and waits until a bridge has emptied both queues. Raises BridgeFailed."""
        self.fill(messages, per_s)
        return self.wait(emptied, bridge)

    def wait(self, reached: Callable[[Stats], bool], bridge: subprocess.Popen[bytes]) -> Stats:
        """The stats once they are as wished. Raises BridgeFailed."""
        stats, moved_at = self.stats(), time.monotonic()
        while not reached(stats):
            if bridge.poll() is not None:
                raise BridgeFailed(f"the bridge ended with exit status {bridge.returncode}")
            if time.monotonic() - moved_at > _STALLED_S:
                raise BridgeFailed(f"the bridge did nothing for {_STALLED_S} s: {stats}")
            time.sleep(_POLL_S)
            before, stats = stats, self.stats()
            if (stats[INPUT], stats[OUTPUT]) != (before[INPUT], before[OUTPUT]):
                moved_at = time.monotonic()
        return stats

    def _call(self, path: str, content: Mapping[str, Any] | None = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        with urlopen(Request(self.endpoint + path, data=body), timeout=_STALLED_S) as answer:
            return json.load(answer)


def emptied(stats: Stats) -> bool:
    """Report whether every upload has ended."""
    return all(stats[queue]["deleted"] >= stats["uploads"] for queue in (INPUT, OUTPUT))


@contextmanager
def running_double(
    module: str = FAST, *, pinned: bool = True, faces: bool = False
) -> Iterator[RunningDouble]:
    """A double with empty queues; pinned, it keeps off the core that is measured.

    With `faces` its results name objects with faces; only the first double has them.
    """
    with (
        process.other_cores() if pinned else process.any_core(),
        process.running(
            process.python("-m", module, *["--faces"] * faces),
            os.environ,
            stdout=subprocess.PIPE,
        ) as started,
    ):
        assert started.stdout is not None
        with started.stdout as output:
            yield RunningDouble(f"http://127.0.0.1:{int(output.readline())}")
