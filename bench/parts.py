"""The parts of the measurement, each by its name, with the cores that it is to have.

Each part imports its needs when it runs: the bridge is measured without the face libraries.
"""

# ruff: noqa: PLC0415

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import process
from bench.report.row import Part, Row
from bench.rounds import Rounds

Report = Callable[[str], None]


class CannotMeasure(Exception):
    """An input that cannot be used; the text is one line."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of all parts; `scratch` is a folder for their files."""

    scratch: Path
    videos: Path | None
    encodings: Path | None
    messages: int
    rounds: Rounds
    report: Report
    faces: Path | None = None


def run(name: str, options: Options) -> Part:
    """Runs a part. Raises WrongAnswer, BridgeFailed, CannotMeasure and OutOfTime."""
    options.rounds.check()
    in_process = _IN_PROCESS.get(name)
    if in_process:
        with process.measured_core():
            # Its BLAS starts as many threads as it sees cores then, and they would be measured.
            import numpy as np  # noqa: F401

            return in_process(options)
    # The processes that are measured are put on the measured core, and kept from this one.
    with process.other_cores():
        return _PROCESSES[name](options)


def unmeasured(name: str) -> Part:
    """Return the placeholder of a part that ran out of time."""
    row = Row(name, "", None, None, remark="not measured: the time for all parts was over")
    return Part(name, ABOUT[name], "not measured", [row])


def _videos(options: Options) -> Part:
    from bench import videos
    from hybridsphere.recognition.gallery import GalleryError

    if not (options.videos and options.encodings):
        with videos.demo_sample() as sample:
            return videos.measure(sample, rounds=options.rounds, report=options.report)
    try:
        given = videos.given_sample(options.videos, options.encodings)
    except (GalleryError, OSError) as error:
        raise CannotMeasure(str(error)) from error
    return videos.measure(given, rounds=options.rounds, report=options.report)


def _hard(options: Options) -> Part:
    from bench import hard

    return hard.measure(rounds=options.rounds, report=options.report)


def _gallery(options: Options) -> Part:
    from bench import gallery

    return gallery.measure(rounds=options.rounds, report=options.report)


def _decide(options: Options) -> Part:
    from bench import decisions

    return decisions.measure(options.scratch, rounds=options.rounds, report=options.report)


def _memory(options: Options) -> Part:
    from bench import memory

    return memory.measure(options.scratch, rounds=options.rounds, report=options.report)


def _attendance(options: Options) -> Part:
    from bench import attendance

    return attendance.measure(rounds=options.rounds, report=options.report)


def _start(options: Options) -> Part:
    from bench import start

    return start.measure(rounds=options.rounds, report=options.report)


def _bridge(options: Options) -> Part:
    from bench import bridge

    return bridge.measure(
        options.scratch, messages=options.messages, rounds=options.rounds, report=options.report
    )


def _latency(options: Options) -> Part:
    from bench import latency

    return latency.measure(
        options.scratch,
        messages=min(options.messages, latency.MOST),
        rounds=options.rounds,
        report=options.report,
    )


def _places(options: Options) -> Part:
    from bench import two_places

    return two_places.measure(
        options.videos,
        options.encodings,
        options.scratch,
        rounds=options.rounds,
        report=options.report,
    )


def _idle(options: Options) -> Part:
    from bench import idle

    return idle.measure(options.scratch, report=options.report)


def _image(_: Options) -> Part:
    from bench import image

    return image.measure()


def _recognition(options: Options) -> Part:
    from bench.recognition import measure

    if options.faces is None:
        return measure.unmeasured()
    try:
        return measure.measure(
            options.faces, options.scratch, rounds=options.rounds, report=options.report
        )
    except OSError as error:
        raise CannotMeasure(f"{options.faces}: {error}") from error


_IN_PROCESS: dict[str, Callable[[Options], Part]] = {
    "videos": _videos,
    "hard": _hard,
    "gallery": _gallery,
    "decide": _decide,
    "memory": _memory,
    "attendance": _attendance,
    "recognition": _recognition,
}
_PROCESSES: dict[str, Callable[[Options], Part]] = {
    "start": _start,
    "bridge": _bridge,
    "latency": _latency,
    "idle": _idle,
    "places": _places,
    "image": _image,
}

ABOUT = {
    "videos": "a video, from the object to who is in it, models loaded",
    "hard": "the same where a face is small, late, absent or unknown",
    "gallery": "one face against 1,000 and 100,000 known ones",
    "attendance": "everybody in a video of a class",
    "start": "a fresh process of the function, until it is ready and has answered",
    "bridge": "a message through the bridge, beside sqs-consumer, on two doubles",
    "latency": "from an event on the queue to its Invoke",
    "idle": "the bridge's CPU while there is nothing to do",
    "image": "the size of the function's image, as `make images` has built it",
    "decide": "10,000 videos decided again by the looks that are kept",
    "memory": "a million faces: found, opened, migrated, named; and kept by a bridge",
    "places": "120 uploads on Lambda alone, and beside a host at home",
    "recognition": "right names, strangers and faces found, both engines, on --faces",
}

NAMES = tuple(ABOUT)
