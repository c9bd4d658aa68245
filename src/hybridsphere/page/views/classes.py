"""Class: a roster by session."""

from collections.abc import Mapping

from hybridsphere.page.render import View
from hybridsphere.page.site import Shelf


def classes(_: Shelf, __: Mapping[str, str]) -> View:
    """Show the sheet of a roster."""
    return View("class", "Class", "class.html", {"sheet": None})
