import pytest

from lambda_fn.faces.box import Box


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Box(0, 100, 100, 0), True),
        (Box(20, 120, 120, 20), True),
        (Box(10, 90, 90, 10), True),
        (Box(60, 160, 160, 60), False),
        (Box(0, 300, 100, 200), False),
    ],
)
def test_boxes_that_share_a_third_show_the_same_face(other: Box, *, same: bool) -> None:
    assert Box(0, 100, 100, 0).overlaps(other) is same
    assert other.overlaps(Box(0, 100, 100, 0)) is same


@pytest.mark.parametrize(
    ("other", "near"),
    [
        (Box(0, 100, 100, 0), True),
        (Box(0, 240, 100, 140), True),
        (Box(0, 300, 100, 200), False),
        (Box(0, 190, 190, 0), True),
        (Box(0, 240, 240, 0), False),
    ],
)
def test_near_boxes_moved_little_and_kept_their_size(other: Box, *, near: bool) -> None:
    assert Box(0, 100, 100, 0).near(other) is near
    assert other.near(Box(0, 100, 100, 0)) is near


def test_a_box_grows_but_not_out_of_the_frame() -> None:
    grown = Box(10, 90, 50, 20).grown(20, 30)
    assert grown == Box(-10, 120, 70, -10)
    assert grown.within(100, 60) == Box(0, 100, 60, 0)
