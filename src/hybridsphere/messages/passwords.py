"""Addresses in what is told: a proxy's or an endpoint's may have a password in it."""

import re

# An address begins with its scheme, or without one where it is mistyped. Whatever the password
# holds, it ends before the last @.
_USER = re.compile(r"(?<![^\s\"'`])(?:(\w+://).*|[^\s\"'`]*)@", re.DOTALL)


def without_passwords(text: str) -> str:
    """A text, without the user and the password that an address in it may have."""
    return _USER.sub(r"\1…@", text)
