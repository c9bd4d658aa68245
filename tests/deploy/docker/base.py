"""The base image: from its registry, or made here where no registry can be reached."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.deploy.conftest import ROOT
from tests.deploy.docker.engine import PATIENCE_S, Engine

_PACKAGES = "python3,python3-venv,ca-certificates"

_OURS = ("index-url", "extra-index-url", "trusted-host", "cert", "proxy", "timeout")
"""Settings of this machine's pip without which it may not reach its index."""


def name() -> str:
    """Return the base image that the Dockerfiles name."""
    text = (ROOT / "Dockerfile.bridge").read_text(encoding="utf-8")
    found = re.search(r"^ARG BASE=(\S+)$", text, re.MULTILINE)
    assert found is not None
    return found[1]


def provide(engine: Engine, folder: Path) -> str:
    """Pull the base image, or import a new one under its name; return the name."""
    image = name()
    try:
        engine.docker("pull", "--quiet", image)
    except AssertionError:
        _make(engine, image, folder / "base")
    return image


def _make(engine: Engine, image: str, root: Path) -> None:
    """Make Debian's part of the image, with the settings of this machine's pip."""
    suite = image.rpartition("-")[2]
    options = ("--variant=minbase", f"--include={_PACKAGES}")
    made = subprocess.run(
        ["debootstrap", *options, suite, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert made.returncode == 0, made.stdout[-2000:]
    for cache in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / cache)
        (root / cache).mkdir()
    _take_pip_along(root)
    archive = root.with_suffix(".tar")
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    shutil.rmtree(root)
    engine.docker("import", str(archive), image)
    archive.unlink()


def _take_pip_along(root: Path) -> None:
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    settings: dict[str, str] = {}
    # The environment's settings, `:env:.cert='…'`, stand first; they win.
    for line in sorted(listing.stdout.splitlines(), reverse=True):
        option, _, value = line.partition("=")
        option = option.rpartition(".")[2]
        if option in _OURS and "file://" not in value:
            settings[option] = value.strip("'\"")
    lines = [f"{option} = {value}" for option, value in settings.items()]
    (root / "etc/pip.conf").write_text("\n".join(["[global]", *lines, ""]))
    if "cert" in settings:
        certificates = root / settings["cert"].lstrip("/")
        certificates.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(settings["cert"], certificates)
