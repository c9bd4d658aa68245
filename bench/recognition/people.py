"""The photographs that recognition is measured on, and the half of them that is reported."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lambda_fn.video.video import Rgb


@dataclass(frozen=True, slots=True)
class People:
    """Photographs of the people who are reported, in a fixed order.

    - `known`: people with four photographs each, the subject in the middle.
    - `strangers`: people with one photograph each, none of them known.
    - `group`: people who look alike to an encoder, with several photographs each. They are few,
      and all of them are reported.
    """

    known: dict[str, list[Path]]
    strangers: dict[str, list[Path]]
    group: dict[str, list[Path]]


def held_out(folder: Path) -> People:
    """Return every second person of a folder, by name: no constant was chosen on them.

    The folder holds `known/NAME/*.jpg`, `strangers/NAME.jpg` and `east_asian/NAME/*.jpg`. Raises
    FileNotFoundError without one of them.
    """
    known, group = (_folders(folder / name) for name in ("known", "east_asian"))
    strangers = {path.stem: [path] for path in _sorted(folder / "strangers")}
    return People(
        known={name: known[name] for name in sorted(known)[1::2]},
        strangers={name: strangers[name] for name in sorted(strangers)[1::2]},
        group=group,
    )


def pixels_of(photo: Path) -> Rgb:
    """Return the pixels of a photograph."""
    with Image.open(photo) as image:
        return np.asarray(image.convert("RGB"), np.uint8)


def _folders(folder: Path) -> dict[str, list[Path]]:
    return {one.name: _sorted(one) for one in _sorted(folder)}


def _sorted(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
