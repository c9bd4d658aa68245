"""The real videos that systems of this kind are tried with, where they are at hand."""

from pathlib import Path

import pytest

from hybridsphere.recognition.gallery import Gallery
from lambda_fn.faces.engine import engine
from lambda_fn.gallery.legacy import import_legacy
from lambda_fn.recognition.identify import identify
from lambda_fn.runtime.deadline import Deadline
from lambda_fn.video.video import Video

WORKLOAD = Path(__file__).parents[4] / "shared" / "workload"

pytestmark = pytest.mark.skipif(
    not WORKLOAD.is_dir(), reason=f"the real workload is not at {WORKLOAD}"
)


@pytest.fixture(scope="module")
def known() -> Gallery:
    return import_legacy(WORKLOAD / "encoding")


@pytest.mark.parametrize(
    ("video", "name", "distance"),
    [
        ("test_0.mp4", "president_trump", 0.372),
        ("test_2.mp4", "mr_bean", 0.508),
        ("test_4.mp4", "johnny_dep", 0.409),
        ("test_5.mp4", "vin_diesel", 0.470),
        ("test_7.mp4", "morgan_freeman", 0.336),
    ],
)
def test_everybody_is_recognised_at_about_the_distance_of_the_plain_calls(
    known: Gallery, video: str, name: str, distance: float
) -> None:
    with (WORKLOAD / "videos" / video).open("rb") as file, Video(file) as frames:
        seen = identify(
            frames,
            engine=engine("dlib"),
            gallery=known,
            tolerance=0.6,
            frames_per_s=1.0,
            deadline=Deadline(60),
        )
    assert seen.person is not None
    assert seen.person.name == name
    assert seen.person.distance < distance + 0.04
