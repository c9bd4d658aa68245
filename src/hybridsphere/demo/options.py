"""The options of a demo."""

from dataclasses import dataclass
from pathlib import Path

from hybridsphere.local.account import Mode
from hybridsphere.settings import Sink, Source


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The command's options. Without `videos`, `encodings` or `students` the demo makes its own."""

    videos: Path | None = None
    encodings: Path | None = None
    students: Path | None = None
    mapping: Path | None = None
    results: Path | None = None
    report: Path | None = None
    workers: int | None = None
    home: int = 0
    source: Source = "queue"
    sink: Sink = "queue"
    mode: Mode = "identify"
    serve: bool = False
