"""The three ways with one video, in turn: what they answer, and the CPU time that they take."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import least_videos, our_videos, process, usual_videos
from bench.answer import Answer
from bench.rounds import Rounds
from bench.row import Row, Target
from lambda_fn.gallery import Gallery

_SECONDS = 10
"""For the rounds of one video."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the usual way and ours say of a video, and the milliseconds of each round, by way."""

    usual: Answer
    ours: Answer
    times_ms: dict[str, list[float]]

    def row(self, what: str, *, target: Target | None = None, remark: str = "") -> Row:
        """The medians of the rounds."""
        ms = {way: median(taken) for way, taken in self.times_ms.items()}
        return Row(
            what, "ms", ms["usual"], ms["ours"], ms.get("least"), target=target, remark=remark
        )


def trial(file: Path, gallery: Gallery, rounds: Rounds) -> Trial:
    """Tries the ways with a video: the least where ours sees somebody known."""
    tolerance = our_videos.DEFAULTS.tolerance
    times_ms: dict[str, list[float]] = {"usual": [], "ours": []}
    least: Callable[[], Answer] | None = None
    for number in rounds.within(_SECONDS):
        usual, usual_ms = _timed(lambda: usual_videos.recognise(file, gallery, tolerance))
        ours, our_ms = _timed(lambda: our_videos.recognise(file, gallery))
        times_ms["usual"].append(usual_ms)
        times_ms["ours"].append(our_ms)
        if number == 1:
            least = _least(file, gallery, ours)
        if least:
            times_ms.setdefault("least", []).append(_timed(least)[1])
    return Trial(usual, ours, times_ms)


def _least(file: Path, gallery: Gallery, answer: Answer) -> Callable[[], Answer] | None:
    """The least that leads to an answer; None where that names nobody, or takes several looks."""
    planned = least_videos.plan(file, gallery, answer) if answer.name else None
    if planned is None:
        return None
    return lambda: least_videos.recognise(file, gallery, planned)


def _timed(way: Callable[[], Answer]) -> tuple[Answer, float]:
    began_s = process.own_cpu_seconds()
    answer = way()
    return answer, 1000 * (process.own_cpu_seconds() - began_s)
