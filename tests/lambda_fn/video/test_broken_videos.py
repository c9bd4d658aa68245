"""Whatever is uploaded ends in a status, within the time limit and the memory bound; the worker
lives on. With --soak on many more videos.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from hybridsphere.messages import STATUSES
from lambda_fn.runtime import aws
from tests.lambda_fn.function_stage import ClipMaker, Portrait, Stage
from tests.lambda_fn.video.broken_videos import flipped, pretenders, truncated

SHAPES = (
    ("mp4", "libx264"),
    ("matroska", "libx264"),
    ("webm", "libvpx-vp9"),
    ("mpegts", "mpeg2video"),
    ("avi", "mpeg4"),
    ("flv", "flv1"),
    ("mp4", "libx265"),
    ("asf", "msmpeg4v3"),
)

TIME_LIMIT_S = 120
"""Hundreds of times what any of these takes, on a slow machine too."""


@pytest.fixture(scope="session")
def wholes(make_clip: ClipMaker, portrait: Portrait) -> list[bytes]:
    """A second of somebody known, in one container and codec after another."""
    picture = portrait("ada", 320, 180, 120)
    return [make_clip(picture, container=box, codec=codec, rate=24) for box, codec in SHAPES]


@pytest.fixture(scope="session")
def jpegs(make_clip: ClipMaker, portrait: Portrait) -> bytes:
    clip: bytes = make_clip(
        *[portrait("nobody", 64, 48)] * 3,
        container="avi",
        codec="mjpeg",
        pixels="yuvj420p",
        rate=1,
    )
    return clip


@pytest.fixture(autouse=True)
def _no_message_comes_again(stage: Stage) -> None:
    """Once it was read, however long a test takes."""
    hours = {"VisibilityTimeout": "43200"}
    aws.client("sqs").set_queue_attributes(QueueUrl=stage.queue_url, Attributes=hours)


@pytest.fixture
def peak_mb() -> Callable[[], int]:
    """The most memory that this process has had since, in MB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def peak() -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        [kilobytes] = [line.split()[1] for line in lines if line.startswith("VmHWM")]
        return int(kilobytes) // 1024

    return peak


def look(stage: Stage, files: Iterable[tuple[str, bytes]]) -> dict[str, tuple[str, str | None]]:
    """How each file ended, once the worker has had them all."""
    ends = {}
    for name, file in files:
        record = stage.upload(f"{name}.mp4", file)
        results = stage.run(record, seconds=TIME_LIMIT_S)
        assert [result.key for result in results] == [record.key], name
        ends[name] = (results[0].status, results[0].reason)
    assert {status for status, _ in ends.values()} <= set(STATUSES) - {"failed"}
    # By themselves, and not because the time was over.
    assert "cut_short" not in {reason for _, reason in ends.values()}
    return ends


def lives(stage: Stage, whole: bytes) -> None:
    [result] = stage.run(stage.upload("whole.mp4", whole))
    assert result.status == "matched"


def test_a_video_cut_at_any_hundredth_ends_in_a_status(
    stage: Stage, wholes: Sequence[bytes], soak: bool, peak_mb: Callable[[], int]
) -> None:
    lives(stage, wholes[0])
    before = peak_mb()
    ends = look(stage, truncated(wholes))
    if soak:
        for whole in wholes:
            look(stage, truncated([whole]))
    # Some containers can be read to where they are cut, others not without their end.
    assert {"matched", "unreadable"} <= {status for status, _ in ends.values()}
    assert peak_mb() - before < 300
    lives(stage, wholes[0])


def test_a_video_with_any_bits_flipped_ends_in_a_status(
    stage: Stage,
    wholes: Sequence[bytes],
    peak_mb: Callable[[], int],
    tell: Callable[[str], None],
    *,
    soak: bool,
    seed: int,
) -> None:
    tell(f"seed {seed} flips the bits")
    lives(stage, wholes[0])
    before = peak_mb()
    ends = look(stage, flipped(wholes, count=500 if soak else 48, seed=seed))
    assert {"matched", "unreadable"} <= {status for status, _ in ends.values()}
    assert peak_mb() - before < 700
    lives(stage, wholes[0])


def test_what_only_pretends_is_unreadable_and_takes_no_more_than_its_share(
    stage: Stage,
    wholes: Sequence[bytes],
    jpegs: bytes,
    peak_mb: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
    lives(stage, wholes[0])
    before = peak_mb()
    ends = look(stage, pretenders(jpegs).items())
    assert {status for status, _ in ends.values()} <= {"unreadable", "no_face"}
    assert ends["an index of fifty million pictures"] == ("unreadable", "damaged")
    for name in ("a JPEG", "a ZIP", "a text", "nothing but zeros"):
        assert ends[name] == ("unreadable", "not_video")
    assert peak_mb() - before < 0.6 * 512 + 50
    lives(stage, wholes[0])


def test_a_frame_of_30000_pixels_in_width_is_looked_at(
    stage: Stage, make_clip: ClipMaker, peak_mb: Callable[[], int]
) -> None:
    wide = np.full((16, 30_000, 3), 90, np.uint8)
    clip = make_clip(wide, codec="mjpeg", pixels="yuvj420p", rate=1)
    before = peak_mb()
    assert look(stage, [("wide", clip)]) == {"wide": ("no_face", None)}
    assert peak_mb() - before < 300
