"""The cost of videos with little to find: the same ways, on hard films."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.films import Film, hard_films, portrait
from bench.report.row import Part, Target
from bench.rounds import Rounds
from bench.trial import Trial, trial
from bench.videos import demo_gallery, warm_up
from bench.ways import least_videos, usual_videos

_TARGET = Target(0.35, "usual")


def measure(*, rounds: Rounds, report: Callable[[str], None]) -> Part:
    """Each film both ways. Raises WrongAnswer where ours is wrong, or finds less than the usual."""
    gallery = demo_gallery()
    rows = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        warm_up(portrait(0.1).shoot(folder), gallery)
        for film in hard_films():
            tried = trial(film.name, film.shoot(folder), gallery, rounds)
            row = tried.row(target=_TARGET, remark=checked(film, tried))
            report(f"{film.name}: {row.ours:.0f} ms, usually {row.usual:.0f} ms")
            rows.append(row)
    return Part(
        name="hard",
        title="A video with a face that is small, late, absent or unknown, CPU time on one core",
        usual_way=usual_videos.way(),
        least_way=f"{least_videos.WAY}; of a face that is late, the frames up to it",
        rows=rows,
        notes=["Ours says what is true of each; the usual way says so too, or as remarked."],
    )


def checked(film: Film, tried: Trial) -> str:
    """Return the remark on the usual way, which may miss faces that ours has to find.

    Raises WrongAnswer if ours or the least is wrong, or a way says one thing and then another.
    """
    tried.check(film.answer, "ours", "least")
    usual = tried.first("usual")
    tried.check(usual, "usual")
    remarks = [usual_videos.REMARK_WITHOUT_FFMPEG] if usual_videos.ffmpeg() is None else []
    if usual != film.answer:
        remarks.append(f"the usual way says: {usual}")
    return "; ".join(remarks)
