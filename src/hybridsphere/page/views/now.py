"""Now: one sentence, or the trouble with its remedy; then what was seen, newest first."""

from collections.abc import Mapping

from hybridsphere.page.finder import NEWEST, find
from hybridsphere.page.render import View, age, number
from hybridsphere.page.site import Shelf
from hybridsphere.page.views.cards import cards, row
from hybridsphere.page.words import Wanted


def now(shelf: Shelf) -> View:
    found = find(shelf.archive, shelf.index, Wanted(), NEWEST, 24)
    sentence, lead = sentences(shelf)
    context = {
        "sentence": sentence,
        "lead": lead,
        "troubles": shelf.state.troubles,
        "cards": cards(shelf, found.entries),
        "bucket": shelf.bucket or "the input bucket",
        "more": found.before is not None,
    }
    rows = [row(entry) for entry in found.entries]
    return View("now", "Now", "now.html", context, rows, {"sentence": sentence, "lead": lead})


def sentences(shelf: Shelf) -> tuple[str, str]:
    """Say in one sentence how it goes, and in another what follows from it."""
    uploads, latest = shelf.state.uploads, shelf.state.latest
    if uploads is None:
        return "Nothing yet.", ""
    waiting = uploads.waiting
    open_now = shelf.state.waiting
    done, total = sum(latest.values()), sum(uploads.counts.values())
    if not done and not open_now:
        if not total:
            return "Nothing yet.", ""
        return "Nothing new.", f"{_videos(total)} so far, the last {_ago(shelf)}."
    if not open_now:
        return f"{_all(done)} done.", _doubts(latest)
    oldest = min(filter(None, [waiting.invocation.oldest, waiting.result.oldest]))
    first = f"{number(done)} of {_videos(done + open_now)} of the last 24 hours are done."
    rest = f"{number(open_now)} in work, the oldest for {age(oldest)}."
    return first, f"{rest} {_doubts(latest)}".strip()


def _all(done: int) -> str:
    if done == 1:
        return "The one video of the last 24 hours is"
    if done == 2:
        return "Both videos of the last 24 hours are"
    return f"All {number(done)} videos of the last 24 hours are"


def _doubts(counts: Mapping[str, int]) -> str:
    parts = []
    if unknown := counts.get("unknown_face", 0):
        parts.append(f"{number(unknown)} with nobody but strangers")
    if bad := counts.get("unreadable", 0) + counts.get("failed", 0):
        parts.append(f"{number(bad)} could not be looked at")
    return f"{', '.join(parts).capitalize()}." if parts else ""


def _ago(shelf: Shelf) -> str:
    last = shelf.state.uploads.last_stored if shelf.state.uploads else None
    return f"{age(last)} ago" if last else "a while ago"


def _videos(count: int) -> str:
    return "1 video" if count == 1 else f"{number(count)} videos"
