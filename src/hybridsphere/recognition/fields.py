"""The fields of a gallery's file beside names and embeddings: the space, and consents."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.space import DLIB, Space

Arrays = Mapping[str, npt.NDArray[Any]]

Consents = Mapping[str, date]
"""The last day on which a person may be compared with faces; no entry means no end."""

_SPACE = ("engine", "digest", "scale")
_CONSENTS = ("consent_names", "consent_until")

OPTIONAL = (*_SPACE, *_CONSENTS)
"""The fields that a file may lack."""


def fields_of(space: Space, consents: Consents) -> dict[str, npt.NDArray[Any]]:
    """Return the fields as arrays."""
    fields = {name: np.array(getattr(space, name)) for name in _SPACE}
    if consents:
        fields["consent_names"] = np.array(list(consents), dtype=str)
        fields["consent_until"] = np.array([day.isoformat() for day in consents.values()])
    return fields


def read_space(arrays: Arrays) -> Space:
    """Return the space that a file names. Raises ValueError."""
    named = [arrays[name] for name in _SPACE if name in arrays]
    if not named:
        return DLIB
    if len(named) < len(_SPACE) or any(array.ndim for array in named):
        raise ValueError("engine, digest and scale must be there together, one value each")
    engine, digest, scale = (array.item() for array in named)
    if not (isinstance(engine, str) and isinstance(digest, str) and isinstance(scale, float)):
        raise ValueError("engine and digest must be texts, and scale a number")  # noqa: TRY004
    if not (engine.isprintable() and digest.isalnum() and 0.01 <= scale <= 100):
        raise ValueError("engine, digest or scale is not that of an engine")
    return Space(engine, digest, scale)


def read_consents(arrays: Arrays) -> dict[str, date]:
    """Return the ends of consents by name. Raises ValueError."""
    columns = [arrays[name] for name in _CONSENTS if name in arrays]
    if not columns:
        return {}
    if len(columns) < len(_CONSENTS) or any(column.ndim != 1 for column in columns):
        raise ValueError("consent_names and consent_until must be there together, a day a name")
    names, days = (column.tolist() for column in columns)
    return {str(name): date.fromisoformat(str(day)) for name, day in zip(names, days, strict=True)}


def one_line(error: Exception) -> str:
    """Return an error's text as one short printable line; a file may have put pages into it."""
    words = " ".join(str(error).split()) or type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in words)[:200]
