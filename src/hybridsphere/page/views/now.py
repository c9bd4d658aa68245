"""Now: one sentence, or the trouble with its remedy; then what was seen, newest first."""

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
    uploads, today = shelf.state.uploads, shelf.state.today
    if uploads is None:
        return "Nothing yet.", ""
    waiting = uploads.waiting
    open_now = waiting.invocation.count + waiting.result.count
    done = sum(today.values())
    total = sum(uploads.counts.values())
    if not done and not open_now:
        if not total:
            return "Nothing yet.", ""
        return "Quiet today.", f"{_videos(total)} before today, the last {_ago(shelf)}."
    if not open_now:
        return f"{_all(done)} done.", _doubts(today)
    oldest = min(filter(None, [waiting.invocation.oldest, waiting.result.oldest]))
    first = f"{number(done)} of {_videos(done + open_now)} today {_are(done)} done."
    rest = f"{number(open_now).capitalize()} in work, the oldest for {age(oldest)}."
    doubts = _doubts(today)
    return first, f"{rest} {doubts}".strip()


def _all(done: int) -> str:
    if done == 1:
        return "The one video of today is"
    if done == 2:
        return "Both videos of today are"
    return f"All {number(done)} videos of today are"


def _doubts(today: dict[str, int] | object) -> str:
    counts = today if isinstance(today, dict) else {}
    parts = []
    if unknown := counts.get("unknown_face", 0):
        parts.append(f"{number(unknown)} with a face that nobody knows")
    if bad := counts.get("unreadable", 0) + counts.get("failed", 0):
        parts.append(f"{number(bad)} could not be read")
    return f"{' and '.join(parts).capitalize()}." if parts else ""


def _ago(shelf: Shelf) -> str:
    last = shelf.state.uploads.last_stored if shelf.state.uploads else None
    return f"{age(last)} ago" if last else "a while ago"


def _videos(count: int) -> str:
    return "1 video" if count == 1 else f"{number(count)} videos"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
