"""A video's CPU time: from the object to who is in it, models loaded, on one core.

Neither way looks anybody up or writes a CSV: that costs both the same.
"""

import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any

from bench import process, usual_videos
from bench.answer import Answer
from bench.row import Part, Row, WrongAnswer
from hybridsphere.demo.clips import make_clips, make_photos
from lambda_fn.deadline import Deadline
from lambda_fn.enrol import enrol
from lambda_fn.faces import Faces
from lambda_fn.gallery import Gallery, import_legacy
from lambda_fn.recognise import identify
from lambda_fn.s3file import S3File
from lambda_fn.settings import Settings
from lambda_fn.video import Unreadable, Video

_TARGET = 3.0
"""Where somebody known is seen, a video is to take at most a third of the usual way's time."""

_LAMBDA_S = 900
_DEFAULTS = Settings(output_bucket="", output_queue_url="", table="")

Way = Callable[[Path, Gallery, float], Answer]


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
        photos, files = Path(name, "photos"), Path(name, "clips")
        photos.mkdir()
        files.mkdir()
        make_photos(photos)
        clips = make_clips(files)
        yield Sample(
            {clip.key: clip.file for clip in clips},
            enrol(photos, report=print),
            {
                clip.key: Answer("known" if clip.person else clip.status, clip.person)
                for clip in clips
            },
        )


def given_sample(videos: Path, encodings: Path) -> Sample:
    """The files below a folder, and known faces in either form. Raises GalleryError and OSError."""
    files = sorted(path for path in videos.rglob("*") if path.is_file())
    if not files:
        raise FileNotFoundError(f"{videos}: holds no file to measure")
    gallery = Gallery.load(encodings) if encodings.suffix == ".npz" else import_legacy(encodings)
    return Sample({str(path.relative_to(videos)): path for path in files}, gallery)


def measure(sample: Sample, *, rounds: int, report: Callable[[str], None]) -> Part:
    """Both ways in turn, on each video; medians of the rounds.

    Raises WrongAnswer unless both ways agree with each other, and with what is expected.
    """
    answers: dict[str, Answer] = {}
    rows: dict[str, Row] = {}
    with process.measured_core():
        for video, file in sample.videos.items():
            # Not timed: whatever is loaded with the first use.
            answers[video] = _agreed(video, file, sample)
            if answers[video].status != "unreadable":
                rows[video] = _timed(video, file, sample, rounds)
                report(f"{video}: {rows[video].ours:.0f} ms")
    return Part(
        name="videos",
        title="Video, from the object to who is in it, CPU time on one core",
        usual_way="one frame a second in full size, face by face",
        rows=[
            *rows.values(),
            *_mean("somebody known, on average", rows, answers, known=True, target=_TARGET),
            *_mean("nobody known, on average", rows, answers, known=False),
        ],
        notes=[
            f"The same answers to all {len(answers)} files.",
            f"Not timed, being unreadable: {len(answers) - len(rows)}.",
        ],
    )


def ours(video: Path, gallery: Gallery, tolerance: float) -> Answer:
    """Who is in a video, by the function's own reading and search."""
    try:
        with Video(S3File(_Disk(), "", str(video), "")) as opened:
            seen = identify(
                opened,
                faces=_FACES,
                gallery=gallery,
                tolerance=tolerance,
                frames_per_s=_DEFAULTS.frames_per_s,
                deadline=Deadline(_LAMBDA_S),
            )
    except Unreadable:
        return Answer("unreadable")
    if seen.person:
        return Answer("known", seen.person.name)
    return Answer("unknown_face" if seen.any_face else "no_face")


_FACES = Faces()


class _Disk:
    """S3's `GetObject` of a range, out of the file that the key names."""

    def get_object(self, *, Key: str, Range: str, **_: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        first, last = map(int, re.findall(r"\d+", Range))
        with Path(Key).open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(first)
            body = io.BytesIO(file.read(last - first + 1))
        return {"Body": body, "ContentRange": f"bytes {first}-{last}/{size}"}


def _agreed(video: str, file: Path, sample: Sample) -> Answer:
    usual_answer = usual_videos.recognise(file, sample.gallery, _DEFAULTS.tolerance)
    our_answer = ours(file, sample.gallery, _DEFAULTS.tolerance)
    expected = sample.expected.get(video, usual_answer)
    if not usual_answer == our_answer == expected:
        raise WrongAnswer(
            f"{video}: the usual way says {usual_answer}, ours {our_answer}, expected is {expected}"
        )
    return our_answer


def _timed(video: str, file: Path, sample: Sample, rounds: int) -> Row:
    usual_ms: list[float] = []
    ours_ms: list[float] = []
    ways: Sequence[tuple[Way, list[float]]] = (
        (usual_videos.recognise, usual_ms),
        (ours, ours_ms),
    )
    for _ in range(rounds):
        for way, times in ways:
            started = time.process_time()
            way(file, sample.gallery, _DEFAULTS.tolerance)
            times.append(1000 * (time.process_time() - started))
    return Row(video, "ms", median(usual_ms), median(ours_ms))


def _mean(
    what: str,
    rows: dict[str, Row],
    answers: dict[str, Answer],
    *,
    known: bool,
    target: float | None = None,
) -> Iterator[Row]:
    """The mean of the videos with somebody known, or without; nothing where there is none."""
    chosen = [row for video, row in rows.items() if (answers[video].name is not None) is known]
    if chosen:
        usual_ms, our_ms = fmean(row.usual for row in chosen), fmean(row.ours for row in chosen)
        yield Row(what, "ms", usual_ms, our_ms, target=target)
