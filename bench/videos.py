"""A video's CPU time: from the object to who is in it, models loaded, on one core.

None of the ways looks anybody up or writes a CSV: that costs all of them the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

from bench import least_videos, our_videos, process, usual_videos
from bench.answer import Answer
from bench.rounds import Rounds
from bench.row import Part, Row, Target, WrongAnswer
from hybridsphere.demo.clips import make_clips, make_photos
from lambda_fn.enrol import enrol
from lambda_fn.gallery import Gallery, import_legacy

_KNOWN = Target(16, "times")

_SECONDS_A_VIDEO = 10

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """Videos by name, the known faces, and those answers that are known beforehand."""

    videos: dict[str, Path]
    gallery: Gallery
    expected: dict[str, Answer] = field(default_factory=dict)


@contextmanager
def demo_sample() -> Iterator[Sample]:
    """The clips and faces of the demo, made for as long as the context lasts."""
    with TemporaryDirectory() as name:
        files = Path(name, "clips")
        files.mkdir()
        clips = make_clips(files)
        yield Sample(
            {clip.key: clip.file for clip in clips},
            demo_gallery(),
            {
                clip.key: Answer("known" if clip.person else clip.status, clip.person)
                for clip in clips
            },
        )


def demo_gallery() -> Gallery:
    """The faces that the demo knows."""
    with TemporaryDirectory() as photos:
        make_photos(Path(photos))
        return enrol(Path(photos), report=print)


def given_sample(videos: Path, encodings: Path) -> Sample:
    """The files below a folder, and known faces in either form. Raises GalleryError and OSError."""
    files = sorted(path for path in videos.rglob("*") if path.is_file())
    if not files:
        raise FileNotFoundError(f"{videos}: holds no file to measure")
    gallery = Gallery.load(encodings) if encodings.suffix == ".npz" else import_legacy(encodings)
    return Sample({str(path.relative_to(videos)): path for path in files}, gallery)


def measure(sample: Sample, *, rounds: Rounds, report: Report) -> Part:
    """The ways in turn, on each video; medians of the rounds.

    Raises WrongAnswer unless both ways agree with each other, and with what is expected.
    """
    answers: dict[str, Answer] = {}
    rows: dict[str, Row] = {}
    for video, file in sample.videos.items():
        # Not timed: whatever is loaded with the first use.
        answers[video] = _agreed(video, file, sample)
        if answers[video].status != "unreadable":
            rows[video] = timed(video, file, sample.gallery, answers[video], rounds=rounds)
            report(f"{video}: {rows[video].ours:.0f} ms")
    known = [row for video, row in rows.items() if answers[video].name]
    others = [row for video, row in rows.items() if not answers[video].name]
    return Part(
        name="videos",
        title="A video, warm: from the object to who is in it, CPU time on one core",
        usual_way=usual_videos.way(),
        least_way=least_videos.WAY,
        rows=[
            *rows.values(),
            *_mean("somebody known, on average", known, _KNOWN),
            *_mean("nobody known, on average", others),
        ],
        notes=[
            f"The same answers to all {len(answers)} files.",
            f"Not timed, being unreadable: {len(answers) - len(rows)}.",
        ],
    )


def timed(
    what: str,
    file: Path,
    gallery: Gallery,
    answer: Answer,
    *,
    rounds: Rounds,
    target: Target | None = None,
    remark: str = "",
) -> Row:
    """The three ways with a video, a row; the least where somebody known is seen."""
    tolerance = our_videos.DEFAULTS.tolerance
    ways: dict[str, Callable[[], Answer]] = {
        "usual": lambda: usual_videos.recognise(file, gallery, tolerance),
        "ours": lambda: our_videos.recognise(file, gallery, tolerance),
    }
    planned = least_videos.plan(file, gallery, answer) if answer.name else None
    if planned:
        ways["least"] = lambda: least_videos.recognise(file, gallery, planned)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in rounds.within(_SECONDS_A_VIDEO):
        for name, way in ways.items():
            started_s = process.own_cpu_seconds()
            way()
            times[name].append(1000 * (process.own_cpu_seconds() - started_s))
    medians = {name: median(taken) for name, taken in times.items()}
    return Row(
        what,
        "ms",
        medians["usual"],
        medians["ours"],
        medians.get("least"),
        target=target,
        remark=remark,
    )


def _agreed(video: str, file: Path, sample: Sample) -> Answer:
    tolerance = our_videos.DEFAULTS.tolerance
    usual_answer = usual_videos.recognise(file, sample.gallery, tolerance)
    our_answer = our_videos.recognise(file, sample.gallery, tolerance)
    expected = sample.expected.get(video, usual_answer)
    if not usual_answer == our_answer == expected:
        raise WrongAnswer(
            f"{video}: the usual way says {usual_answer}, ours {our_answer}, expected is {expected}"
        )
    return our_answer


def _mean(what: str, rows: list[Row], target: Target | None = None) -> Iterator[Row]:
    """The mean of some rows; nothing where there is none."""
    if rows:
        columns = ([row.usual for row in rows], [row.ours for row in rows])
        usual_ms, our_ms = (fmean(value for value in column if value) for column in columns)
        least = [row.least for row in rows if row.least is not None]
        least_ms = fmean(least) if len(least) == len(rows) else None
        yield Row(what, "ms", usual_ms, our_ms, least_ms, target=target)
