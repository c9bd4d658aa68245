import numpy as np
import pytest

from lambda_fn.faces.box import Box
from lambda_fn.recognition.changes import Changes
from lambda_fn.video.video import Frame, Rgb

WHOLE = Box(0, 1280, 720, 0)


def frame(*spots: Box, at_s: float = 0.0, level: int = 100) -> Frame:
    """A grey picture with bright spots."""
    pixels: Rgb = np.full((720, 1280, 3), level, np.uint8)
    for top, right, bottom, left in spots:
        pixels[top:bottom, left:right] = 220
    picture = Frame.from_rgb(pixels)
    picture.at_s = at_s
    return picture


@pytest.fixture
def changes() -> Changes:
    """What has seen an empty frame."""
    changes = Changes()
    assert changes.regions(frame(), []) == [WHOLE]
    return changes


def test_where_nothing_changed_there_is_nothing_to_look_at(changes: Changes) -> None:
    assert changes.regions(frame(), []) == []
    # What an encoder makes of a still picture.
    assert changes.regions(frame(level=104), []) == []


def test_what_changed_is_looked_at_with_its_surroundings_and_only_once(changes: Changes) -> None:
    spot = Box(300, 440, 340, 400)
    [region] = changes.regions(frame(spot), [])
    surroundings = Box(250, 490, 390, 350)
    assert region.around(surroundings) == region
    assert region.area < WHOLE.area / 10
    assert changes.regions(frame(spot), []) == []


def test_what_changed_here_and_there_makes_regions_of_its_own(changes: Changes) -> None:
    left, right = Box(300, 140, 340, 100), Box(300, 1140, 340, 1100)
    regions = changes.regions(frame(left, right), [])
    assert len(regions) == 2
    assert not regions[0].touches(regions[1])


def test_a_region_never_cuts_a_face(changes: Changes) -> None:
    spot, face, elsewhere = Box(300, 440, 340, 400), Box(240, 640, 440, 440), Box(0, 90, 90, 0)
    [region] = changes.regions(frame(spot), [face, elsewhere])
    assert region.around(face) == region
    assert not region.touches(elsewhere)


def test_changes_too_small_to_notice_add_up(changes: Changes) -> None:
    levels = [changes.regions(frame(level=100 + 5 * step), []) for step in range(1, 4)]
    assert levels == [[], [], [WHOLE]]


def test_where_much_changed_and_every_ten_seconds_all_is_looked_at(changes: Changes) -> None:
    assert changes.regions(frame(Box(0, 1280, 400, 0)), []) == [WHOLE]
    assert changes.regions(frame(Box(0, 1280, 400, 0), at_s=9.9), []) == []
    assert changes.regions(frame(Box(0, 1280, 400, 0), at_s=10.0), []) == [WHOLE]


def test_a_picture_of_another_size_is_all_new(changes: Changes) -> None:
    smaller = Frame.from_rgb(np.full((480, 480, 3), 100, np.uint8))
    assert changes.regions(smaller, []) == [Box(0, 480, 480, 0)]
