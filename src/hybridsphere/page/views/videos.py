"""Videos: the search, a page at a time."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from hybridsphere.messages import STATUSES, utc_text
from hybridsphere.page.archive import CARDS
from hybridsphere.page.finder import NEWEST, find
from hybridsphere.page.render import View, url
from hybridsphere.page.site import Shelf
from hybridsphere.page.views.cards import cards, row
from hybridsphere.page.views.words import STATUS
from hybridsphere.page.words import WAITING, Wanted

_LONGEST = 200


def videos(shelf: Shelf, query: Mapping[str, str]) -> View:
    """List the videos that were asked for; what cannot be a day or a status is ignored."""
    wanted = wanted_by(query)
    before = query.get("before", "")
    last = int(before) if before.isdecimal() and len(before) < 19 else NEWEST
    found = find(shelf.archive, shelf.index, wanted, last, CARDS)
    asked = {name: query.get(name, "")[:_LONGEST] for name in ("q", "person", "status")}
    asked |= {name: query.get(name, "") for name in ("from", "to") if _moment(query, name)}
    context = {
        "cards": cards(shelf, found.entries),
        "asked": {"from": "", "to": "", **asked},
        "statuses": [*((one, STATUS[one]) for one in STATUSES), (WAITING, "in work")],
        "next": url("/videos", **asked, before=found.before) if found.before else "",
        "downloads": {kind: url(f"/videos.{kind}", **asked) for kind in ("csv", "json")},
        "older": not shelf.index.complete,
        "first": last == NEWEST,
    }
    about = {"next": found.before, "complete": shelf.index.complete}
    return View("videos", "Videos", "videos.html", context, list(map(row, found.entries)), about)


def wanted_by(query: Mapping[str, str]) -> Wanted:
    """Read a question from an address."""
    status = query.get("status", "")
    return Wanted(
        text=query.get("q", "")[:_LONGEST],
        person=query.get("person", "")[:_LONGEST],
        status=status if status in {*STATUSES, WAITING} else "",
        since=_moment(query, "from"),
        until=_moment(query, "to", days=1),
    )


def _moment(query: Mapping[str, str], name: str, days: int = 0) -> str:
    """Read a day, by this machine's clock; `to` means the end of its day."""
    try:
        day = datetime.fromisoformat(query.get(name, "")[:10]) + timedelta(days=days)
        return utc_text(day.astimezone())
    except (ValueError, OverflowError):
        return ""
