from collections.abc import Callable

import numpy as np
import pytest

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from lambda_fn.faces.engine import engine
from lambda_fn.recognition.tracks import Track, Tracks
from lambda_fn.runtime.deadline import Deadline
from lambda_fn.video.video import Frame, Rgb
from tests.lambda_fn.function_stage import Portrait


@pytest.fixture
def ended() -> list[Track]:
    return []


@pytest.fixture
def show(gallery: Gallery, ended: list[Track]) -> Callable[[Rgb], None]:
    """Shows a picture a second."""
    tracks = Tracks(
        engine("dlib"),
        lambda: Identity(gallery, 0.6),
        gap_s=1.0,
        deadline=Deadline(60),
        ended=ended.append,
    )
    seconds = iter(range(100))

    def follow(picture: Rgb) -> None:
        frame = Frame.from_rgb(picture)
        frame.at_s = float(next(seconds))
        tracks.follow(frame)

    return follow


def test_a_person_who_comes_back_soon_keeps_the_track(
    show: Callable[[Rgb], None], portrait: Portrait, ended: list[Track]
) -> None:
    for name in ("ada", "nobody", "nobody", "ada", "nobody"):
        show(portrait(name))
    assert ended == []


def test_a_person_who_stays_away_ends_the_track(
    show: Callable[[Rgb], None], portrait: Portrait, ended: list[Track]
) -> None:
    for name in ("ada", "ada", *["nobody"] * 4):
        show(portrait(name))
    [track] = ended
    assert (track.first_s, track.last_s, track.frames) == (0.0, 1.0, 0b11)


def test_a_face_that_slowly_becomes_another_ends_the_track(
    show: Callable[[Rgb], None], portrait: Portrait, ended: list[Track]
) -> None:
    """Each picture is much like the one before it; the first is ben, and the last a stranger."""
    ben, stranger = portrait("ben"), portrait("stranger")
    for part in np.linspace(0, 1, 21):
        show((ben * (1 - part) + stranger * part).astype(np.uint8))
    for _ in range(4):
        show(portrait("nobody"))
    names = [best.name if (best := track.identity.person()) else None for track in ended]
    assert names == ["ben", None]
