"""Decide once more: show the difference, and apply it."""

from collections.abc import Iterable

from rich.console import Console

from hybridsphere.commands.decide import report
from hybridsphere.commands.decide.difference import Decided, Difference, decide_page
from hybridsphere.commands.desk import Desk, reading
from hybridsphere.commands.gallery_reader import read_gallery
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.kept import KeptVideo, kept_pages, put_decisions, renewed
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.video import Video
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.settings import Settings


def decide(
    settings: Settings,
    console: Console,
    *,
    location: str | None,
    tolerance: float | None,
    since: str,
    apply: bool,
    as_json: bool,
) -> None:
    """Print the difference that a gallery or a tolerance makes, then apply it if wanted.

    Raises CannotRun.
    """
    gallery = read_gallery(location or settings.gallery)
    with reading(settings.results_dir) as memory, Ledger.read(settings.results_dir) as ledger:
        difference = find_difference(memory, ledger, gallery, tolerance, since)
    if not as_json:
        report.print_difference(console, difference)
    derived = None
    if apply:
        with Desk.open(settings.results_dir) as desk:
            derived = apply_decisions(desk, gallery, tolerance, since)
    report.print_end(console, difference, derived, as_json=as_json)


def find_difference(
    memory: Memory, ledger: Ledger, gallery: Gallery, tolerance: float | None, since: str
) -> Difference:
    """Decide every video, and compare with the stored answers. Raises MemoryFileError."""

    def own(video: Video) -> str:
        """Return the function's person of a video; empty for nobody."""
        upload = ledger.upload(video.bucket, video.key, video.version)
        return str(upload.people[0]["name"]) if upload and upload.people else ""

    difference = Difference()
    for page in kept_pages(memory, since):
        for decided in decide_page(gallery, page, tolerance, difference.leave):
            difference.add(decided, own)
    return difference


def apply_decisions(desk: Desk, gallery: Gallery, tolerance: float | None, since: str) -> int:
    """Store new decisions and derive what follows; returns how many answers were derived.

    Each page is one transaction, so an interruption loses none, and a second run goes on.
    """
    # An earlier run may have ended before it derived its last answers.
    derived = desk.derive()
    for page in kept_pages(desk.memory, since):
        with desk.memory.transaction():
            _store(desk.memory, gallery, tolerance, page)
        derived += desk.follow() or 0
    return derived


def _store(
    memory: Memory, gallery: Gallery, tolerance: float | None, page: Iterable[KeptVideo]
) -> None:
    """Decide the videos of a page as they are now, and store what differs."""
    now = renewed(memory, (one.video.id for one in page))
    decided = decide_page(gallery, now, tolerance)
    answers = {face: answer for one in decided for face, answer in one.differing().items()}
    changed = [one for one in decided if _is_new(one, gallery)]
    put_decisions(
        memory,
        answers,
        [(one.kept.video, one.tolerance, gallery.digest, one.person) for one in changed],
    )
    memory.judgements.apply(list(answers))
    for one in decided:
        if one.changes_answer():
            memory.mark_stale(one.kept.video.id)


def _is_new(decided: Decided, gallery: Gallery) -> bool:
    """Return whether a video was decided otherwise before: by other means, or with another end."""
    video = decided.kept.video
    means = (video.tolerance, video.gallery, video.decided)
    return means != (decided.tolerance, gallery.digest, decided.person)
