"""The three ways with one video, in turn: what they answer, and the CPU time that they take."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import process
from bench.answer import Answer
from bench.report.row import Row, Target, WrongAnswer
from bench.rounds import Rounds
from bench.ways import least_videos, our_videos, usual_videos
from hybridsphere.recognition.gallery import Gallery

WAYS = ("usual", "ours", "least")

_SECONDS = 10
"""For the rounds of one video."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The answers of each way to a video, and its milliseconds, round by round."""

    video: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    times_ms: dict[str, list[float]] = field(default_factory=dict)

    def take(self, way: str, recognise: Callable[[], Answer]) -> Answer:
        """One more round of a way."""
        began_s = process.own_cpu_seconds()
        answer = recognise()
        taken_ms = 1000 * (process.own_cpu_seconds() - began_s)
        self.answers.setdefault(way, []).append(answer)
        self.times_ms.setdefault(way, []).append(taken_ms)
        return answer

    def first(self, way: str) -> Answer:
        """Return the answer of a way in the first round."""
        return self.answers[way][0]

    def check(self, expected: Answer, *ways: str) -> None:
        """Raise WrongAnswer unless these ways give the expected answer in every round."""
        for way in ways:
            for number, answer in enumerate(self.answers.get(way, []), start=1):
                if answer != expected:
                    raise WrongAnswer(
                        f"{self.video}, {way}, round {number}: {answer}; expected is {expected}"
                    )

    def row(self, *, target: Target | None = None, remark: str = "") -> Row:
        """The medians of the rounds."""
        ms = {way: median(taken) for way, taken in self.times_ms.items()}
        least_ms = ms.get("least")
        return Row(
            self.video, "ms", ms["usual"], ms["ours"], least_ms, target=target, remark=remark
        )


def trial(video: str, file: Path, gallery: Gallery, rounds: Rounds) -> Trial:
    """Tries the ways with a video: the least where ours sees somebody known.

    Raises OutOfTime.
    """
    tried = Trial(video)
    tolerance = our_videos.DEFAULTS.tolerance
    least: Callable[[], Answer] | None = None
    for number in rounds.within(_SECONDS):
        tried.take("usual", lambda: usual_videos.recognise(file, gallery, tolerance))
        ours = tried.take("ours", lambda: our_videos.recognise(file, gallery))
        if number == 1:
            least = _least(file, gallery, ours)
        if least:
            tried.take("least", least)
    return tried


def _least(file: Path, gallery: Gallery, answer: Answer) -> Callable[[], Answer] | None:
    """The least that leads to an answer; None where that names nobody, or takes several looks."""
    planned = least_videos.plan(file, gallery, answer) if answer.name else None
    if planned is None:
        return None
    return lambda: least_videos.recognise(file, gallery, planned)
