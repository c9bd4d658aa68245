"""The size that the function's image adds to its base, uncompressed.

It is read from the images that `deploy/images.sh` has built on this machine, from this tree only.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from bench.report.row import Part, Row, Target

_TARGET = Target(325, "figure")

_ROOT = Path(__file__).parents[1]
SCRIPT = str(_ROOT / "deploy" / "images.sh")
STORE = _ROOT / ".cache" / "images"

_PREFIX = "localhost/hybridsphere-"
_BUILT_BY = {"lambda": "make images", "usual": "deploy/images.sh build usual"}

_UNITS_MB = {"B": 1e-6, "KB": 1e-3, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


def measure() -> Part:
    """The sizes of the images that there are; without, the row says how to get them."""
    sizes = sizes_mb()
    added: dict[str, float | None] = {}
    remarks = []
    for name, builder in _BUILT_BY.items():
        added[name] = None
        if "base" not in sizes or name not in sizes:
            remarks.append(f"no {name} image is here: `{builder}` makes it")
        elif not of_this_tree(name):
            remarks.append(f"the {name} image is of another state: `{builder}` makes it anew")
        else:
            added[name] = sizes[name] - sizes["base"]
    return Part(
        name="image",
        title="The function's image: what it adds to its base, uncompressed",
        usual_way="a full Python with ffmpeg and a compiler in it (bench/Dockerfile.usual)",
        rows=[
            Row(
                "size",
                "MB",
                added["usual"],
                added["lambda"],
                target=_TARGET,
                remark="; ".join(remarks),
            ),
        ],
    )


def megabytes(size: str) -> float:
    """A size as buildah writes it, such as `325.4 MB`."""
    match = re.fullmatch(r"([\d.]+) ?([A-Za-z]+)", size)
    if match is None:
        raise ValueError(f"{size!r} is no size")
    return float(match[1]) * _UNITS_MB[match[2]]


def sizes_mb() -> dict[str, float]:
    """The images that there are, by name."""
    tools = all(shutil.which(tool) for tool in ("buildah", "debootstrap"))
    if not (STORE.is_dir() and tools and os.geteuid() == 0):
        return {}
    return {
        name.partition(":")[0].removeprefix(_PREFIX): megabytes(image["size"])
        for image in json.loads(_images("buildah", "images", "--json"))
        for name in image.get("names") or []
    }


def of_this_tree(name: str) -> bool:
    """Whether an image was made of what would be copied into it now."""
    described = json.loads(_images("buildah", "inspect", "--type", "image", _PREFIX + name))
    labels = described["OCIv1"]["config"].get("Labels") or {}
    return bool(labels.get("hybridsphere.sources") == _images("sources", name).strip())


def _images(*arguments: str) -> str:
    done = subprocess.run([SCRIPT, *arguments], check=True, capture_output=True, text=True)
    return done.stdout
