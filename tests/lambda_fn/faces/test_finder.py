from typing import Any

import numpy as np
import pytest

from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Detector, detector
from lambda_fn.faces.finder import _TILE, Finder, _tiles
from lambda_fn.video.video import Frame, Rgb
from tests.lambda_fn.function_stage import Portrait


def crowd(portrait: Portrait, width: int, height: int, face: int, *places: tuple[int, int]) -> Rgb:
    """Make a picture with the same face in several places, given by their top left corners."""
    picture = portrait("nobody", width, height)
    head = portrait("ada", face, face, face)
    for left, top in places:
        picture[top : top + face, left : left + face] = head
    return picture


def finder() -> Finder:
    return Finder(detector())


@pytest.mark.parametrize(
    ("width", "height", "face"), [(640, 360, 150), (1280, 720, 300), (360, 640, 150)]
)
def test_a_glance_finds_a_large_face(
    portrait: Portrait, width: int, height: int, face: int
) -> None:
    [found] = finder().glance(Frame.from_rgb(portrait("ada", width, height, face)))
    middle = Box(
        height // 2 - face // 4, width // 2 + face // 4, height // 2 + face // 4, width // 2
    )
    assert found.box.shared_part(middle) > 0


def test_a_look_finds_faces_too_small_for_a_glance(portrait: Portrait) -> None:
    frame = Frame.from_rgb(crowd(portrait, 1280, 720, 70, (100, 100), (1000, 500)))
    assert finder().glance(frame) == []
    assert len(finder().look(frame)) == 2


def test_a_search_finds_faces_too_small_for_a_look_once_each(portrait: Portrait) -> None:
    # One lies where the tiles meet.
    places = ((50, 40), (620, 340), (1150, 600))
    frame = Frame.from_rgb(crowd(portrait, 1280, 720, 30, *places))
    assert len(finder().look(frame)) < 3
    found = finder().search(frame)
    assert len(found) == 3
    for (left, top), face in zip(places, sorted(found, key=lambda f: f.box.left), strict=True):
        assert face.box.shared_part(Box(top, left + 30, top + 30, left)) > 0


def test_tiles_cover_a_picture_and_none_is_too_large() -> None:
    for width, height in ((1280, 720), (1281, 720), (2560, 1440), (4096, 2160), (200, 4096)):
        covered = np.zeros((height, width), bool)
        for tile in _tiles(width, height):
            assert max(tile.width, tile.height) <= _TILE
            covered[tile.top : tile.bottom, tile.left : tile.right] = True
        assert covered.all()


def test_a_face_is_found_again_beside_its_last_place(portrait: Portrait) -> None:
    before = Frame.from_rgb(crowd(portrait, 1280, 720, 44, (400, 300)))
    [face] = finder().search(before)
    after = Frame.from_rgb(crowd(portrait, 1280, 720, 44, (420, 310)))
    [again] = finder().find_again(after, face)
    assert again.box.overlaps(face.moved(10, 20).box)
    assert finder().find_again(Frame.from_rgb(portrait("nobody", 1280, 720)), face) == []


def test_refined_points_lie_near_those_of_one_look(portrait: Portrait) -> None:
    frame = Frame.from_rgb(portrait("ada"))
    [face] = finder().glance(frame)
    [refined] = finder().refined(frame, [face])
    apart = np.abs(refined.points - face.points)
    assert 0 < apart.max() < face.box.width / 10


def test_before_each_run_of_the_detector_it_can_be_ended(
    portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, find = 0, Detector.find

    def counted(*given: Any) -> Any:
        nonlocal runs
        runs += 1
        return find(*given)

    monkeypatch.setattr(Detector, "find", counted)
    ticks: list[int] = []
    finder().search(Frame.from_rgb(portrait("nobody", 1280, 720)), lambda: ticks.append(runs))
    assert ticks == list(range(len(ticks)))
    assert runs == len(ticks) > 2


def test_a_search_after_a_look_does_not_repeat_it(
    portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = Frame.from_rgb(crowd(portrait, 1280, 720, 70, (100, 100)))
    seen = finder().look(frame)
    assert len(seen) == 1
    monkeypatch.setattr(Finder, "look", lambda *_: pytest.fail("looked again"))
    assert finder().search(frame, seen=seen) == seen


def test_tiles_fill_what_the_detector_takes_and_share_the_size_of_a_small_face() -> None:
    # A picture of 1280x720 as a search enlarges it.
    tiles = list(_tiles(2240, 1260))
    assert {(tile.width % 32, tile.height % 32) for tile in tiles} == {(0, 0)}
    first, second, third, _ = tiles
    assert first.right - second.left >= 84
    assert first.bottom - third.top >= 84
