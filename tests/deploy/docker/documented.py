"""The commands of the documentation, as they stand there."""

import re
from textwrap import dedent

from tests.deploy.conftest import ROOT

_BLOCKS = re.compile(r"```sh\n(.*?)```|((?:^    [^\n]*\n)+)", re.DOTALL | re.MULTILINE)


def block(page: str, command: str) -> str:
    """Return the one block of a page that has a line with this beginning."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = (dedent(found[1] or found[2]) for found in _BLOCKS.finditer(text))
    (wanted,) = (each for each in blocks if re.search(f"^{re.escape(command)}", each, re.MULTILINE))
    return wanted


def commands(page: str, command: str) -> list[str]:
    """Return the commands of such a block, in order."""
    return block(page, command).replace("\\\n", "").splitlines()
