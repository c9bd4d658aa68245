"""The traces of a person: a name in every spelling and encoding, and looks at the face."""

import html
import json
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from hybridsphere.ledger.forgetting import FORGOTTEN
from hybridsphere.messages import spellings

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


class Trace:
    """One person: `names` are the spellings of the name."""

    def __init__(self, name: str) -> None:
        self.names = spellings(name)
        self.looks: list[bytes] = []
        whole = "|".join(re.escape(form) for form in _written(self.names))
        self._text = re.compile(rf"(?<!\w)(?:{whole})(?!\w)")
        self._bytes = sorted(
            {form.encode(encoding) for form in _written(self.names) for encoding in _ENCODINGS}
        )

    def remember_looks(self, looks: Iterable[bytes]) -> None:
        """Search for these looks too, each a row of numbers as it is kept."""
        self.looks += [look for look in looks if look]

    def in_text(self, text: str) -> int:
        """Count the name in a text; a part of another word is not the name."""
        return len(self._text.findall(text))

    def without(self, text: str) -> str:
        """Return a text without the name."""
        return self._text.sub(FORGOTTEN, text)

    def in_bytes(self, content: bytes) -> bool:
        """Tell whether bytes hold the name in any encoding, or one of the looks."""
        return self.name_in_bytes(content) or any(look in content for look in self.looks)

    def name_in_bytes(self, content: bytes) -> bool:
        """Tell whether bytes hold the name in any encoding.

        Text that can be read as UTF-8 is searched by words: `ben` is not in `benjamin`.
        """
        if not any(form in content for form in self._bytes):
            return False
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return True
        return "\0" in text or self.in_text(text) > 0


def _written(names: Sequence[str]) -> list[str]:
    """Return names as texts have them: plain, escaped as JSON, as XML, and as in a URL."""
    forms: list[str] = []
    for name in names:
        escaped = json.dumps(name)[1:-1]
        upper = re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), escaped)
        forms += [name, escaped, upper, json.dumps(name, ensure_ascii=False)[1:-1]]
        forms += [html.escape(name), html.escape(name, quote=False), quote(name, safe="")]
    return sorted(set(forms), key=len, reverse=True)
