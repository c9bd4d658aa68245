"""Answers: one view as a page, as JSON or as CSV."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from hybridsphere.commands.cells import harmless
from hybridsphere.page.views.words import certainty, label

VIEWS = (
    ("now", "/", "Now"),
    ("videos", "/videos", "Videos"),
    ("unknown", "/unknown", "Unknown"),
    ("people", "/people", "People"),
    ("class", "/class", "Class"),
    ("system", "/system", "System"),
)


@dataclass(frozen=True, slots=True)
class View:
    """One view: `context` is for the template, `rows` are the view as a table."""

    name: str
    title: str
    template: str
    context: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


def environment() -> Environment:
    """Make the templates' environment; every value is escaped."""
    made = Environment(
        loader=PackageLoader("hybridsphere.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        age=age,
        certainty=certainty,
        label=label,
        clock=clock,
        day=day,
        duration=duration,
        number=number,
        moment=moment,
    )
    made.globals.update(views=VIEWS, url=url)
    return made


def as_json(view: View) -> web.Response:
    text = json.dumps({**view.about, "rows": list(view.rows)}, ensure_ascii=False, indent=1)
    return web.Response(text=text, content_type="application/json")


def as_csv(view: View) -> web.Response:
    """Write the rows; no cell of them is a formula for a spreadsheet."""
    out = io.StringIO(newline="")
    # Without the mark Excel takes UTF-8 for the locale's own encoding.
    out.write("\ufeff")
    columns = list(dict.fromkeys(column for row in view.rows for column in row))
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    for row in view.rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    headers = {"Content-Disposition": attachment(f"{view.name}.csv")}
    return web.Response(text=out.getvalue(), content_type="text/csv", headers=headers)


def attachment(name: str) -> str:
    """Write the header of a download; the name may hold anything (RFC 6266)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _cell(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        value = "; ".join(map(str, value))
    return harmless(value) if isinstance(value, str) else value


def mark(html: str) -> str:
    """Name a piece of a page by its content, so that a browser keeps what has not changed."""
    return hashlib.sha256(html.encode()).hexdigest()[:12]


def url(path: str, **query: Any) -> str:
    """Write an address of this page, without the parts of the query that are empty."""
    given = {name: value for name, value in query.items() if value not in {"", None}}
    return f"{path}?{urlencode(given)}" if given else path


def age(text: str | None) -> str:
    """Write how long a moment has passed."""
    if not text:
        return ""
    passed = datetime.now(UTC) - datetime.fromisoformat(text)
    return duration(max(0.0, passed.total_seconds()))


def duration(seconds: float) -> str:
    """Write a time in words, in its largest unit."""
    if seconds < 0.95:
        return "under a second"
    for unit, length_s in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return "1 second" if round(seconds) == 1 else f"{seconds:.0f} seconds"


def short(seconds: float) -> str:
    """Write a time with its unit's sign: `94 ms`, `1.4 s`, `3 minutes`."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else duration(seconds)


def clock(milliseconds: float) -> str:
    """Write a place in a video, as a player does."""
    minutes, seconds = divmod(int(milliseconds // 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def moment(text: str | None) -> str:
    """Write a moment by this machine's clock; the browser writes it by its own."""
    if not text:
        return ""
    local = datetime.fromisoformat(text).astimezone()
    return f"{local:%H:%M}"


def day(text: str | None) -> str:
    if not text:
        return ""
    local = datetime.fromisoformat(text).astimezone()
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def number(value: float) -> str:
    return f"{value:,}"
