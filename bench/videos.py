"""A video's CPU time: from the object to who is in it, models loaded, on one core.

None of the ways looks anybody up or writes a CSV: that costs all of them the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from bench.answer import Answer
from bench.report.row import SOMEBODY_KNOWN, Part, Row, Target
from bench.rounds import OutOfTime, Rounds
from bench.trial import WAYS, trial
from bench.ways import least_videos, our_videos, usual_videos
from hybridsphere.demo.clips import make_clips, make_photos
from hybridsphere.recognition.gallery import Gallery
from lambda_fn.enroll import enroll
from lambda_fn.gallery.legacy import import_legacy

_KNOWN = Target(25, "times")

_SECONDS = 120
"""For all videos; the demo's take half a minute."""

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
        # The usual way compares embeddings of dlib.
        return enroll(Path(photos), report=print, engine="dlib")


def given_sample(videos: Path, encodings: Path) -> Sample:
    """The files below a folder, and known faces in either form. Raises GalleryError and OSError."""
    files = sorted(path for path in videos.rglob("*") if path.is_file())
    if not files:
        raise FileNotFoundError(f"{videos}: holds no file to measure")
    gallery = Gallery.load(encodings) if encodings.suffix == ".npz" else import_legacy(encodings)
    return Sample({str(path.relative_to(videos)): path for path in files}, gallery)


def measure(sample: Sample, *, rounds: Rounds, report: Report) -> Part:
    """Measure the ways in turn, on each video; the figures are medians of the rounds.

    Raises WrongAnswer unless all ways give the expected answer in every round. Videos without time
    are left out, and the notes say so.
    """
    known: list[Row] = []
    others: list[Row] = []
    compared = 0
    rounds = rounds.limited(_SECONDS)
    warm_up(next(iter(sample.videos.values())), sample.gallery)
    for video, file in sample.videos.items():
        try:
            tried = trial(video, file, sample.gallery, rounds)
        except OutOfTime:
            break
        answer = sample.expected.get(video, tried.first("usual"))
        tried.check(answer, *WAYS)
        compared += 1
        if answer.status != "unreadable":
            row = tried.row()
            report(f"{video}: {row.ours:.0f} ms")
            (known if answer.name else others).append(row)
    return Part(
        name="videos",
        title="A video, warm: from the object to who is in it, CPU time on one core",
        usual_way=usual_videos.way(),
        least_way=least_videos.WAY,
        rows=[
            *known,
            *others,
            *_mean(SOMEBODY_KNOWN, known, _KNOWN),
            *_mean("nobody known, on average", others),
        ],
        notes=[
            f"The same answers in every round, to {_of_all(compared, len(sample.videos))}.",
            f"Not timed, being unreadable: {compared - len(known) - len(others)}.",
        ],
    )


def warm_up(file: Path, gallery: Gallery) -> None:
    """Takes both ways with a video once, for whatever is loaded with the first use."""
    usual_videos.recognise(file, gallery, our_videos.DEFAULTS.tolerance)
    our_videos.recognise(file, gallery)


def _of_all(compared: int, videos: int) -> str:
    """How many files were compared, and why not more."""
    if compared == videos:
        return f"all {videos} files"
    return f"{compared} of {videos} files: there was no time for the others"


def _mean(what: str, rows: list[Row], target: Target | None = None) -> Iterator[Row]:
    """Return the mean of the rows; None without rows."""
    if rows:
        columns = ([row.usual for row in rows], [row.ours for row in rows])
        usual_ms, our_ms = (fmean(value for value in column if value) for column in columns)
        least = [row.least for row in rows if row.least is not None]
        least_ms = fmean(least) if len(least) == len(rows) else None
        remark = "" if usual_videos.ffmpeg() else usual_videos.REMARK_WITHOUT_FFMPEG
        yield Row(what, "ms", usual_ms, our_ms, least_ms, target=target, remark=remark)
