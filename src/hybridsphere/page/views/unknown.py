"""Unknown: the groups of faces that nobody has named."""

from collections.abc import Mapping
from dataclasses import asdict

from hybridsphere.page.render import View, url
from hybridsphere.page.site import Shelf

PAGE = 24
"""Groups on one page."""


def unknown(shelf: Shelf, query: Mapping[str, str]) -> View:
    groups = shelf.faces.groups(_after(query), PAGE) if shelf.faces else []
    last = groups[-1] if len(groups) == PAGE else None
    context = {
        "groups": groups,
        "count": shelf.faces.count_groups() if shelf.faces else 0,
        "persons": shelf.faces.persons(500) if shelf.faces else [],
        "gallery": bool(shelf.settings.gallery),
        "remembers": shelf.faces is not None,
        "next": url("/unknown", at=last.last_at, group=last.id) if last else "",
    }
    return View("unknown", "Unknown", "unknown.html", context, [asdict(one) for one in groups])


def _after(query: Mapping[str, str]) -> tuple[str, int]:
    group = query.get("group", "")
    return query.get("at", "~"), int(group) if group.isdecimal() and len(group) < 19 else 1 << 62
