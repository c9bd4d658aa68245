"""The state of a bridge and of its uploads, from `/readyz`, `/metrics` and the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from hybridsphere.commands.bridge_client import BridgeHealth, ask_bridge
from hybridsphere.commands.cost import Bill
from hybridsphere.commands.lines import State, print_headline, print_item, print_json, print_pairs
from hybridsphere.ledger.delays import figures, invocation_delay_s
from hybridsphere.ledger.ledger import Ledger, LedgerError, Upload
from hybridsphere.ledger.overview import Backlog, Waiting
from hybridsphere.messages import STATUSES, utc_text
from hybridsphere.settings import Settings
from hybridsphere.troubles import FAILURES_IN_A_ROW, Trouble, run_of_failures

FAILURES_SHOWN = 5
DELAYS_MEASURED = 1000
"""Uploads whose delays make the figures: those of today, not of last year."""

_NOTHING = Bill(())


@dataclass(frozen=True, slots=True)
class Uploads:
    """The uploads in a ledger, each figure found by an index.

    `counts` and `failures` are as people get the results.
    """

    counts: Mapping[str, int]
    since: str | None
    waiting: Waiting
    last_stored: str | None
    delays_s: Sequence[float]
    failures: Sequence[Upload]
    trouble: Trouble | None

    @classmethod
    def of(cls, ledger: Ledger) -> "Uploads":
        found = ledger.counts()
        delays = map(invocation_delay_s, ledger.last_received(DELAYS_MEASURED))
        return cls(
            counts={status: found.get(status, 0) for status in STATUSES},
            since=ledger.counting_since,
            waiting=ledger.waiting(),
            last_stored=ledger.last_stored(),
            delays_s=[delay for delay in delays if delay is not None],
            failures=ledger.last_failures(FAILURES_SHOWN),
            trouble=failing(ledger),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that status prints; `asked` is False where no address names a bridge."""

    bridge: BridgeHealth
    uploads: Uploads
    asked: bool
    today: Bill = _NOTHING

    @property
    def troubles(self) -> list[Trouble]:
        """Every trouble; uploads can fail without a bridge that reports it."""
        troubles = list(self.bridge.troubles)
        known = {trouble.part for trouble in troubles}
        if self.uploads.trouble and self.uploads.trouble.part not in known:
            troubles.append(self.uploads.trouble)
        return troubles

    def to_dict(self) -> dict[str, Any]:
        uploads = self.uploads
        waiting = {"invocation": uploads.waiting.invocation, "result": uploads.waiting.result}
        return {
            "well": not self.troubles,
            "bridge_asked": self.asked,
            "input_bucket": self.bridge.input_bucket,
            "troubles": [trouble.to_dict() for trouble in self.troubles],
            "counting_since": uploads.since,
            "uploads": dict(uploads.counts),
            "waiting": {
                name: {"count": backlog.count, "oldest": backlog.oldest}
                for name, backlog in waiting.items()
            },
            "held": dict(self.bridge.held),
            "rejected": dict(self.bridge.rejected),
            "today": self.today.to_dict(),
            "last_stored": uploads.last_stored,
            "last_failures": [
                {"stored_at": row.stored_at, "bucket": row.bucket, "key": row.key}
                | {"version": row.version, "reason": row.reason}
                for row in uploads.failures
            ],
        }


def show_status(settings: Settings, console: Console, *, as_json: bool = False) -> bool:
    """Print the status; returns False if there is a trouble.

    Raises LedgerError if the ledger cannot be read, after the bridge's troubles were printed.
    """
    asked = settings.http is not None and settings.http[1] != 0
    bridge = ask_bridge(settings.http) if settings.http and asked else BridgeHealth([])
    try:
        with Ledger.read(settings.results_dir) as ledger:
            uploads = Uploads.of(ledger)
            today = Bill(ledger.by_place(utc_text()[:10]))
            bridge = _of_this_ledger(bridge, ledger, settings)
    except LedgerError:
        if not as_json:
            for trouble in bridge.troubles:
                print_item(console, "bad", trouble.part, trouble.reason, trouble.remedy)
        raise
    status = Status(bridge, uploads, asked, today)
    if as_json:
        print_json(console, status.to_dict())
    else:
        print_status(status, console)
    return not status.troubles


def failing(ledger: Ledger) -> Trouble | None:
    """Find out whether the last uploads of a ledger have all failed.

    The function's own statuses count here: a correction mends an answer, not the function.
    """
    last = ledger.last_results(FAILURES_IN_A_ROW)
    if not last or any(upload.status != "failed" for upload in last):
        return None
    return Trouble("uploads", run_of_failures(len(last), last[0].reason or "unknown"))


def print_status(status: Status, console: Console) -> None:
    state, sentence, hint = _headline(status)
    print_headline(console, state, sentence, hint)
    for trouble in status.troubles:
        print_item(console, "bad", trouble.part, trouble.reason, trouble.remedy)
    uploads = status.uploads
    print_pairs(console, f"uploads since {uploads.since or 'now'}", _figures(status))
    if failures := [(row.stored_at or "", f"{row.key}: {row.reason}") for row in uploads.failures]:
        print_pairs(console, "last failures", failures)


def _headline(status: Status) -> tuple[State, str, str]:
    """Return one sentence about everything, and the next step."""
    if troubles := status.troubles:
        first, more = troubles[0].remedy, len(troubles) - 1
        others = f", and {more} more {'trouble' if more == 1 else 'troubles'}" if more else ""
        return "bad", f"{first.symptom.value}{others}.", first.fix
    if not status.asked:
        sentence = "The uploads are well; the bridge could not be asked."
        return "note", sentence, "give HYBRIDSPHERE_HTTP a fixed port"
    waiting = status.uploads.waiting
    count = waiting.invocation.count + waiting.result.count
    if count:
        oldest = min(filter(None, [waiting.invocation.oldest, waiting.result.oldest]))
        text = f"{count:,} {'upload waits' if count == 1 else 'uploads wait'}"
        return "ok", f"The bridge works; {text} for a result, the oldest {_age(oldest)}.", ""
    if not any(status.uploads.counts.values()):
        hint = f"upload a video to the bucket {status.bridge.input_bucket}"
        return "ok", "The bridge works; no upload has arrived yet.", hint
    return "ok", "The bridge works; every upload has its result.", ""


def _figures(status: Status) -> list[tuple[str, str]]:
    uploads = status.uploads
    rows = [(name, f"{count:,}") for name, count in uploads.counts.items()]
    rows += [
        ("waits for Lambda", _backlog(uploads.waiting.invocation)),
        ("waits for a result", _backlog(uploads.waiting.result)),
    ]
    for name, count in status.bridge.held.items():
        age_s = status.bridge.oldest_s.get(name, 0.0)
        oldest = f", the oldest for {_duration(age_s)}" if count and age_s else ""
        rows.append((f"held, {name}", f"{count:,}{oldest}"))
    for name, count in status.bridge.rejected.items():
        event = f"{'object' if name.endswith('bucket') else 'message'}.rejected"
        rows.append((f"rejected, {name}", f"{count:,} since the start: log, {event}"))
    if any(one.place for one in status.today.places):
        rows.append(("today", status.today.sentence))
    rows.append(("last stored", uploads.last_stored or "nothing yet"))
    if uploads.delays_s:
        rows.append(("event to invocation", figures(uploads.delays_s)))
    return rows


def _of_this_ledger(bridge: BridgeHealth, ledger: Ledger, settings: Settings) -> BridgeHealth:
    """Make sure that the bridge that answered serves the bucket of this ledger."""
    served = bridge.input_bucket
    if not served or (owner := ledger.owner(served)) in {None, served}:
        return bridge
    folder = settings.results_dir
    reason = f"the bridge there serves the bucket {served}, {folder} has the results of {owner}"
    return BridgeHealth([Trouble("bridge", reason)])


def _backlog(backlog: Backlog) -> str:
    oldest = f", the oldest {_age(backlog.oldest)}" if backlog.oldest else ""
    return f"{backlog.count:,}{oldest}"


def _age(moment: str) -> str:
    passed = datetime.now(UTC) - datetime.fromisoformat(moment)
    return f"for {_duration(max(0.0, passed.total_seconds()))}"


def _duration(seconds: float) -> str:
    """Write a time in its largest unit."""
    for unit, length_s in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
