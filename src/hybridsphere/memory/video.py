"""A video whose faces are kept."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Video:
    """One version of one upload, as its faces were found; times are UTC, as in `utc_text`.

    - `mode`: `identify` or `attendance`; `attempt` counts replays from 1 on.
    - `engine`, `digest`, `scale`: the space of the embeddings.
    - `tolerance`, `gallery`: what the rule was given; `gallery` is an ETag or digest.
    - `left_out`: faces that were found and not sent.
    - `id`, `seen_at`: the memory's own number and when it took the video first.
    - `decided`: the one person of `identify` by a decision made here; None for none made, empty for
      nobody known.
    """

    bucket: str
    key: str
    version: str
    event_time: str
    attempt: int
    mode: str
    engine: str
    digest: str
    scale: float
    tolerance: float
    gallery: str | None = None
    left_out: int = 0
    seen_at: str = ""
    id: int = 0
    decided: str | None = None

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Self:
        """Read a row of `VIDEO_COLUMNS`."""
        return cls(*row)


VIDEO_COLUMNS = ", ".join(f"videos.{name}" for name in Video.__slots__)
"""The columns of a video, in order."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A small picture of the whole frame, `at_ms` milliseconds into the video."""

    at_ms: int
    jpeg: bytes
