"""What a demo can be asked for."""

from dataclasses import dataclass
from pathlib import Path

from hybridsphere.errors import ConfigurationError
from hybridsphere.files import obstacle_to
from hybridsphere.local.account import Mode, Sink, Source

_SUPPORTED = {
    "source": ("queue", "bucket", "direct"),
    "sink": ("queue", "bucket"),
    "mode": ("identify", "attendance"),
}


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The options of the command. Without `videos`, `encodings` or `students` it makes its own."""

    videos: Path | None = None
    encodings: Path | None = None
    students: Path | None = None
    mapping: Path | None = None
    results: Path | None = None
    report: Path | None = None
    workers: int | None = None
    source: Source = "queue"
    sink: Sink = "queue"
    mode: Mode = "identify"

    def check(self) -> None:
        """Raise ConfigurationError for a way that the demo cannot take, and for a report that could
        not be written once the demo is over.
        """
        for name, supported in _SUPPORTED.items():
            value = getattr(self, name)
            if value not in supported:
                raise ConfigurationError(
                    f"--{name} {value}: the demo knows {', '.join(supported)} only"
                )
        if self.report and (obstacle := obstacle_to(self.report)):
            raise ConfigurationError(f"--report {self.report}: {obstacle}")
