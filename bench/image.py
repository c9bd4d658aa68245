"""What the function's image adds to its base, uncompressed: read off the images that `make images`
has built on this machine.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from bench.row import Part, Row, Target

_TARGET = Target(325, "figure")

_ROOT = Path(__file__).parents[1]
_SCRIPT = _ROOT / "deploy" / "images.sh"
STORE = _ROOT / ".cache" / "images"

_BASE, _OURS, _USUAL = (f"localhost/hybridsphere-{name}" for name in ("base", "lambda", "usual"))

_UNITS_MB = {"B": 1e-6, "KB": 1e-3, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


def measure() -> Part:
    """The sizes of the images that there are; without, the row says how to get them."""
    sizes = sizes_mb()
    base = sizes.get(_BASE)

    def added(image: str) -> float | None:
        return sizes[image] - base if base is not None and image in sizes else None

    remark = "" if added(_OURS) is not None else "not measured: `make images` builds it first"
    return Part(
        name="image",
        title="The function's image: what it adds to its base, uncompressed",
        usual_way="a full Python with ffmpeg and a compiler in it (bench/Dockerfile.usual)",
        rows=[
            Row("size", "MB", added(_USUAL), added(_OURS), target=_TARGET, remark=remark),
        ],
    )


def megabytes(size: str) -> float:
    """A size as buildah writes it, such as `325.4 MB`."""
    match = re.fullmatch(r"([\d.]+) ?([A-Za-z]+)", size)
    if match is None:
        raise ValueError(f"{size!r} is no size")
    return float(match[1]) * _UNITS_MB[match[2]]


def sizes_mb() -> dict[str, float]:
    """The images that `make images` has left, by name."""
    tools = all(shutil.which(tool) for tool in ("buildah", "debootstrap"))
    if not (STORE.is_dir() and tools and os.geteuid() == 0):
        return {}
    command = [str(_SCRIPT), "buildah", "images", "--json"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {
        name.partition(":")[0]: megabytes(image["size"])
        for image in json.loads(listed)
        for name in image.get("names") or []
    }
