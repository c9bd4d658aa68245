"""The blocks of commands on the page about OpenStack, and how far each has been tried."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/openstack.md"

MARK = re.compile(r"\*(Run|Tried|Checked)[.,]?\*")

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines for a shell, and the mark that stands above them: `Run`, `Tried` or `Checked`."""

    text: str
    mark: str


def blocks() -> list[Block]:
    """Return every shell block of the page, in order."""
    page = PAGE.read_text(encoding="utf-8")
    found, mark, end = [], "", 0
    for block in _BLOCK.finditer(page):
        marks = MARK.findall(page, end, block.start())
        mark, end = marks[-1] if marks else mark, block.end()
        found.append(Block(block[1], mark))
    return found


def block(begin: str) -> Block:
    """Return the one block that begins so."""
    (found,) = (one for one in blocks() if one.text.startswith(begin))
    return found
