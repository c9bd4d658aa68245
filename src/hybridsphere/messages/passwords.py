"""Passwords in URLs: a proxy's or an endpoint's address may contain one."""

import re

_BETWEEN = r"\s\"'`"
"""Characters that end a URL in a text."""

_USERINFO = re.compile(
    rf"""
    # A URL with a user and a password,
      (\w{{1,20}}://) [^{_BETWEEN}/?\#]* @
    # one whose password has unescaped characters, so that what follows the colon is no port,
    | (\w{{1,20}}://) [^{_BETWEEN}/?\#:@]* : (?! \d* (?: [{_BETWEEN}/?\#] | $ ) ) .* @
    # and one without its scheme.
    | (?<! [^{_BETWEEN}=] ) [^{_BETWEEN}=/?\#:@]+ : (?! // | aws: ) [^{_BETWEEN}]* @
    """,
    re.DOTALL | re.VERBOSE,
)


def without_passwords(text: str) -> str:
    """Return a text with the user and the password of every URL in it removed."""
    return _USERINFO.sub(lambda found: f"{found[1] or found[2] or ''}…@", text)
