import gc
import io
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from hybridsphere.recognition.gallery import Gallery
from lambda_fn.faces.detector import Detector
from lambda_fn.faces.engine import engine
from lambda_fn.recognition.attendance import Attendance, attend
from lambda_fn.runtime.deadline import Deadline
from lambda_fn.video.video import Frame, Rgb, Video
from tests.lambda_fn.function_stage import ClipMaker, Portrait, Watched

Attend = Callable[..., Attendance]
RATE = 4


@pytest.fixture
def faces() -> Watched:
    return Watched()


@pytest.fixture
def film(make_clip: ClipMaker, gallery: Gallery, faces: Watched) -> Attend:
    """Attends a clip of pictures, four a second."""

    def look(
        pictures: Iterable[Rgb], *, known: Gallery = gallery, faces: Watched = faces
    ) -> Attendance:
        clip = make_clip(*pictures, rate=RATE, each=1)
        with Video(io.BytesIO(clip)) as video:
            return attend(
                video,
                engine=faces,
                gallery=known,
                tolerance=0.6,
                frames_per_s=1.0,
                deadline=Deadline(60.0),
            )

    return look


@pytest.fixture
def row(portrait: Portrait) -> Callable[..., Rgb]:
    """A picture of people beside each other."""

    def paint(*names: str, face: int = 200) -> Rgb:
        return np.hstack([portrait(name, 320, 360, face) for name in names])

    return paint


def times(attendance: Attendance) -> dict[str, tuple[float, float, int]]:
    return {
        one.best.name: (round(one.first_s, 2), round(one.last_s, 2), one.sightings)
        for one in attendance.people
    }


def test_everybody_known_has_the_seconds_that_they_were_seen(
    film: Attend, row: Callable[..., Rgb]
) -> None:
    scenes = [("ada", "nobody"), ("ada", "ben"), ("stranger", "ben"), ("nobody", "nobody")]
    scenes += [("nobody", "ada")]
    seen = film(row(*names) for names in scenes for _ in range(2 * RATE))
    assert times(seen) == {"ada": (0.0, 9.75, 7), "ben": (2.0, 5.0, 4)}
    assert all(one.best.distance < 0.3 for one in seen.people)
    assert (seen.any_face, seen.cut_short) == (True, False)


@pytest.mark.parametrize(("name", "count"), [("stranger", 1), ("nobody", 0)])
def test_without_anybody_known_only_strangers_are_listed(
    film: Attend, portrait: Portrait, name: str, count: int
) -> None:
    seen = film([portrait(name)] * 6)
    assert (seen.people, seen.any_face, seen.cut_short) == ((), count > 0, False)
    assert len(seen.strangers) == count


def test_somebody_who_keeps_still_is_looked_at_once(
    film: Attend, faces: Watched, portrait: Portrait
) -> None:
    seen = film([portrait("ada")] * 8 * RATE)
    assert times(seen) == {"ada": (0.0, 7.75, 9)}
    assert faces.encoded == 1
    assert len(faces.looks) == 1


def test_somebody_who_moves_is_followed_without_being_encoded_again(
    film: Attend, faces: Watched, portrait: Portrait
) -> None:
    still = portrait("ada")
    seen = film(np.roll(still, (4 * step, 15 * step), axis=(0, 1)) for step in range(-12, 12))
    assert times(seen) == {"ada": (0.0, 5.75, 7)}
    assert faces.encoded <= 2


def test_two_who_swap_places_are_not_mistaken_for_each_other(
    film: Attend, row: Callable[..., Rgb]
) -> None:
    scenes = [row("ada", "ben"), row("ben", "ada"), row("ben", "nobody")]
    seen = film(picture for picture in scenes for _ in range(2 * RATE))
    assert times(seen) == {"ada": (0.0, 3.0, 4), "ben": (0.0, 5.75, 7)}


def test_somebody_who_takes_the_place_of_another_is_noticed(
    film: Attend, portrait: Portrait
) -> None:
    seen = film(portrait(name) for name in ("ada", "ben", "stranger") for _ in range(2 * RATE))
    assert times(seen) == {"ada": (0.0, 1.0, 2), "ben": (2.0, 3.0, 2)}


def test_somebody_who_comes_into_a_still_picture_is_found(
    film: Attend, faces: Watched, portrait: Portrait
) -> None:
    empty, wide = portrait("nobody", 960, 540), portrait("nobody", 960, 540)
    wide[100:460, 600:920] = portrait("ada", 320, 360, 60)
    seen = film([empty] * 3 * RATE + [wide] * RATE)
    assert times(seen) == {"ada": (3.0, 3.75, 2)}
    assert {at_s for at_s, _ in faces.looks} == {0.0, 3.0}


@pytest.mark.parametrize("face", [60, 120, 300])
def test_in_a_picture_that_is_all_movement_a_face_is_followed(
    film: Attend, faces: Watched, portrait: Portrait, face: int
) -> None:
    scenery = np.array(Image.fromarray(data.coffee()).resize((1280, 720)))
    head = portrait("ada", face, face, face)

    def scene(step: int) -> Rgb:
        picture = np.roll(scenery, 40 * step, axis=1)
        picture[200 : 200 + face, 300 + 15 * step : 300 + 15 * step + face] = head
        return picture

    seen = film(scene(step) for step in range(5 * RATE))
    assert times(seen) == {"ada": (0.0, 4.75, 6)}
    assert faces.encoded < 6
    assert [at_s for at_s, level in faces.looks if level == "search"] == [0.0]


def test_a_tiny_face_is_found_within_ten_seconds_and_followed(
    film: Attend, portrait: Portrait
) -> None:
    scenery = np.array(Image.fromarray(data.coffee()).resize((1280, 720)))
    head = portrait("ada", 42, 42, 42)

    def scene(step: int) -> Rgb:
        picture = np.roll(scenery, 40 * step, axis=1)
        if step >= 2 * RATE:
            picture[300:342, 600:642] = head
        return picture

    seen = film(scene(step) for step in range(13 * RATE))
    [(first_s, last_s, sightings)] = times(seen).values()
    assert first_s <= 10
    assert last_s == 12.75
    assert sightings >= 4


def test_somebody_who_leaves_and_comes_back_has_two_spans(film: Attend, portrait: Portrait) -> None:
    names = [*["ada"] * 3, *["nobody"] * 6, *["ada"] * 3]
    seen = film(portrait(name) for name in names for _ in range(RATE))
    [ada] = seen.people
    assert ada.spans == ((0.0, 2.0), (9.0, 11.75))


def test_somebody_who_turns_away_for_a_moment_has_one_span(
    film: Attend, portrait: Portrait
) -> None:
    names = ["ada", "ada", "nobody", "nobody", "ada"]
    seen = film(portrait(name) for name in names for _ in range(RATE))
    [ada] = seen.people
    assert ada.spans == ((0.0, 4.75),)


def test_strangers_are_counted_once_each(film: Attend, row: Callable[..., Rgb]) -> None:
    scenes = [("stranger", "nobody"), ("stranger", "cleo"), ("nobody", "nobody")]
    scenes += [("nobody", "nobody"), ("nobody", "nobody"), ("nobody", "stranger")]
    cleo_unknown = film(row(*names) for names in scenes for _ in range(2 * RATE))
    assert [one.best.name for one in cleo_unknown.people] == ["cleo"]
    [stranger] = cleo_unknown.strangers
    assert stranger.spans == ((0.0, 3.0), (10.0, 11.75))
    assert stranger.sightings == 7


def test_only_the_last_frame_shows_somebody(film: Attend, portrait: Portrait) -> None:
    seen = film([portrait("nobody")] * (2 * RATE - 1) + [portrait("ada")])
    assert times(seen) == {"ada": (1.75, 1.75, 1)}


def test_with_an_empty_gallery_the_first_face_ends_it(
    film: Attend, faces: Watched, portrait: Portrait
) -> None:
    seen = film([portrait("ada")] * 8, known=Gallery.empty())
    assert seen == Attendance((), any_face=True, cut_short=False)
    assert faces.encoded == 0


def test_out_of_time_those_seen_so_far_are_listed(
    make_clip: ClipMaker, portrait: Portrait, gallery: Gallery
) -> None:
    class ThreeLooks(Deadline):
        """A deadline that passes with the third look."""

        looks = 0

        def check(self, needed_s: float = 0.0) -> None:
            self.looks += needed_s > 0
            super().check(3600 * (self.looks > 2))

    clip = make_clip(portrait("ada"), *[portrait("ben")] * 5)
    with Video(io.BytesIO(clip)) as video:
        seen = attend(
            video,
            engine=engine("dlib"),
            gallery=gallery,
            tolerance=0.6,
            frames_per_s=1.0,
            deadline=ThreeLooks(60),
        )
    assert times(seen) == {"ada": (0.0, 0.0, 1), "ben": (1.0, 2.0, 2)}
    assert seen.cut_short


def test_a_long_recording_holds_few_frames(
    film: Attend, faces: Watched, row: Callable[..., Rgb], monkeypatch: pytest.MonkeyPatch
) -> None:
    most, glance = 0, Detector.find

    def counted(*given: Any) -> Any:
        nonlocal most
        # Not isinstance, which asks weak references to what is gone.
        most = max(most, sum(type(thing) is Frame for thing in gc.get_objects()))
        return glance(*given)

    monkeypatch.setattr(Detector, "find", counted)
    pictures = [row("stranger", "nobody"), row("nobody", "nobody"), row("nobody", "stranger")]
    film(pictures[step // RATE % 3] for step in range(10 * RATE))
    assert 0 < most <= 5
