"""The one form of a person's name, in galleries, rosters, look-ups and comparisons."""

import unicodedata

_JOINERS = {"\u200c", "\u200d"}
"""Zero-width non-joiner and joiner: Persian and many Indian names are not written without them."""

_UNUSABLE = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Cs": "a byte that is not UTF-8",
    "Co": "a character of private use",
    "Cn": "a character that Unicode does not define",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}
"""Unicode's general categories that no name has: some hide or reorder what a reader sees."""


class UnusableName(ValueError):
    """A text that cannot be a name; the error's text says why."""


def name_form(text: str) -> str:
    """Return a name in its one form: normalised (NFC), without blanks at its ends.

    macOS writes file names decomposed, keyboards compose, and both look alike. Raises UnusableName
    for a text that is empty, or has controls or invisible characters other than joiners.
    """
    for character in text.strip():
        category = unicodedata.category(character)
        if category in _UNUSABLE and character not in _JOINERS:
            raise UnusableName(f"the name has {_UNUSABLE[category]} (U+{ord(character):04X})")
    name = unicodedata.normalize("NFC", text).strip()
    if not set(name) - _JOINERS:
        raise UnusableName("the name is empty")
    return name


def spellings(name: str) -> tuple[str, ...]:
    """Return the forms under which a record may have been written, the one form first.

    Tables that other programs filled may have decomposed names.
    """
    return tuple(dict.fromkeys((name, unicodedata.normalize("NFD", name))))
