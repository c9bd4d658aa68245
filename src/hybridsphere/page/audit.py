"""The audit: who changed what and when, one JSON line each, in a file of the page's own."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

from hybridsphere.messages import utc_text
from hybridsphere.page.site import Site
from hybridsphere.paths import OWN_FOLDER

_LONGEST = 300


def audit_path(results_dir: Path) -> Path:
    return results_dir / OWN_FOLDER / "page-audit.jsonl"


async def note(site: Site, what: str, by: str, details: Mapping[str, object]) -> None:
    """Write down a change. Raises OSError: what cannot be written down is not done."""
    line = {"at": utc_text(), "by": by, "what": what}
    line |= {name: str(value)[:_LONGEST] for name, value in details.items()}
    await asyncio.to_thread(_append, audit_path(site.settings.results_dir), json.dumps(line))


def _append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
