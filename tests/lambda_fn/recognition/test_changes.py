import numpy as np
import pytest

from lambda_fn.faces.box import Box
from lambda_fn.recognition.changes import Changes
from lambda_fn.video.video import Frame, Rgb


def frame(*spots: Box, level: int = 100, bright: int = 220) -> Frame:
    """Make a grey picture with bright spots."""
    pixels: Rgb = np.full((720, 1280, 3), level, np.uint8)
    for top, right, bottom, left in spots:
        pixels[top:bottom, left:right] = bright
    return Frame.from_rgb(pixels)


@pytest.fixture
def changes() -> Changes:
    """Make what has seen an empty frame."""
    changes = Changes()
    assert changes.differs(frame())
    return changes


def test_a_still_picture_does_not_differ(changes: Changes) -> None:
    assert not changes.differs(frame())
    # An encoder's changes of a still picture.
    assert not changes.differs(frame(level=104))


def test_a_spot_of_the_size_of_a_face_differs_once(changes: Changes) -> None:
    spot = Box(300, 440, 340, 400)
    assert changes.differs(frame(spot))
    assert not changes.differs(frame(spot))
    assert changes.differs(frame())


def test_changes_too_small_to_notice_add_up(changes: Changes) -> None:
    spot = Box(300, 440, 340, 400)
    levels = (104, 108, 114, 118)
    assert [changes.differs(frame(spot, bright=level)) for level in levels] == [
        *(False, False, True, False)
    ]


def test_in_the_dark_smaller_changes_count() -> None:
    changes, spot = Changes(), Box(300, 440, 340, 400)
    changes.differs(frame(level=20))
    assert changes.differs(frame(spot, level=20, bright=26))


def test_a_picture_of_another_size_differs(changes: Changes) -> None:
    assert changes.differs(Frame.from_rgb(np.full((360, 480, 3), 100, np.uint8)))
