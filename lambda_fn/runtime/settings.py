"""The function's settings, read from the environment once per event."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybridsphere.recognition.space import ENGINES, TOLERANCE

PREFIX = "HYBRIDSPHERE_"

MODES = ("identify", "attendance")
EVIDENCE = ("none", "known", "all")


class SettingsError(ValueError):
    """An unusable environment; the text names the variable and the remedy."""


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """The settings of the function.

    - `table`: the table of the students, or the path of a JSON file of them.
    - `output_queue_url`: None sends no message; the bridge then mirrors the output bucket.
    - `gallery`: a path in the image or `s3://bucket/key`; None for an empty gallery.
    - `engine`: the engine that the gallery must have; None takes any.
    - `tolerance`: a distance between embeddings, in the gallery's units.
    - `frames_per_s`: frames that are examined per second of video.
    - `mode`: `identify` for at most one person, `attendance` for everybody.
    - `evidence`: whose faces are kept beside the CSV: `none`, `known` or `all`.
    - `place`: where the function runs, as results name it.
    """

    output_bucket: str
    table: str
    output_queue_url: str | None = None
    gallery: str | None = None
    engine: str | None = None
    tolerance: float = TOLERANCE
    frames_per_s: float = 1.0
    mode: str = "identify"
    evidence: str = "known"
    place: str = "lambda"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "RuntimeSettings":
        """Read `environ`; an empty variable counts as unset. Raises SettingsError."""
        return cls(
            output_bucket=_required(environ, "OUTPUT_BUCKET"),
            table=_required(environ, "TABLE"),
            output_queue_url=environ.get(f"{PREFIX}OUTPUT_QUEUE_URL") or None,
            gallery=environ.get(f"{PREFIX}GALLERY") or None,
            engine=wanted_engine(environ),
            tolerance=_positive(environ, "TOLERANCE", TOLERANCE),
            frames_per_s=_positive(environ, "FRAMES_PER_S", 1.0),
            mode=_one_of(environ, "MODE", MODES) or MODES[0],
            evidence=_one_of(environ, "EVIDENCE", EVIDENCE) or "known",
            place=_word(environ, "PLACE", "lambda"),
        )


def wanted_engine(environ: Mapping[str, str]) -> str | None:
    """Return the engine that the environment names, or None. Raises SettingsError."""
    return _one_of(environ, "ENGINE", ENGINES)


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(PREFIX + name)
    if not value:
        raise SettingsError(f"{PREFIX}{name} is not set: the function needs it")
    return value


def _one_of(environ: Mapping[str, str], name: str, values: Sequence[str]) -> str | None:
    value = environ.get(PREFIX + name) or None
    if value is not None and value not in values:
        raise SettingsError(f"{PREFIX}{name} is {value!r}: set it to {' or '.join(values)}")
    return value


def _word(environ: Mapping[str, str], name: str, default: str) -> str:
    """Return a short name, which headers of HTTP can carry."""
    value = environ.get(PREFIX + name) or default
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value):
        raise SettingsError(
            f"{PREFIX}{name} is {value!r}: set it to at most 64 letters, digits, dots and hyphens"
        )
    return value


def _positive(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(PREFIX + name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise SettingsError(f"{PREFIX}{name} is {text!r}: set it to a number above 0")
    return value
