import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hybridsphere.recognition.gallery import Gallery
from lambda_fn.faces.detector import Detector
from lambda_fn.faces.engine import engine
from lambda_fn.recognition.attendance import Attendance, attend
from lambda_fn.recognition.identify import Identification, identify
from lambda_fn.runtime.deadline import Deadline, OutOfTime
from lambda_fn.video.video import Frame, Video
from tests.lambda_fn.function_stage import ClipMaker, Portrait, Watched

See = Callable[..., Identification]


@pytest.fixture
def faces() -> Watched:
    return Watched()


@pytest.fixture
def see(make_clip: ClipMaker, portrait: Portrait, gallery: Gallery, faces: Watched) -> See:
    """Identify the person of a clip that shows portraits, a second each."""

    def look(
        *names: str, face: int = 220, known: Gallery = gallery, seconds: float = 60.0
    ) -> Identification:
        clip = make_clip(*(portrait(name, face=face) for name in names), rate=4)
        with Video(io.BytesIO(clip)) as video:
            return identify(
                video,
                engine=faces,
                gallery=known,
                tolerance=0.6,
                frames_per_s=1.0,
                deadline=Deadline(seconds),
            )

    return look


def test_a_plain_case_takes_one_glance(see: See, faces: Watched) -> None:
    seen = see("ada", "ben", "ben")
    assert seen.person is not None
    assert (seen.person.name, seen.person.at_s) == ("ada", 0.0)
    assert faces.looks == [(0.0, "glance")]
    assert faces.encoded == 1


@pytest.mark.parametrize("before", [["stranger"], ["nobody"], ["nobody", "stranger", "nobody"]])
def test_a_known_person_is_found_behind_strangers_and_empty_frames(
    see: See, faces: Watched, before: list[str]
) -> None:
    seen = see(*before, "ada")
    assert seen.person is not None
    assert seen.person.name == "ada"
    assert "search" not in [level for _, level in faces.looks]


@pytest.mark.parametrize("face", [60, 40])
def test_a_small_face_is_found(see: See, face: int) -> None:
    seen = see("nobody", "ada", face=face)
    assert seen.person is not None
    assert seen.person.name == "ada"


def test_a_long_video_is_looked_at_to_its_end(see: See) -> None:
    seen = see(*["nobody"] * 12, "ada")
    assert seen.person is not None
    assert seen.person.name == "ada"


def test_a_still_stranger_is_encoded_at_one_frame_alone(see: See, faces: Watched) -> None:
    seen = see("stranger", "stranger", "stranger")
    assert (seen.person, seen.any_face, seen.cut_short) == (None, True, False)
    assert {at_s for at_s, _ in faces.looks} == {0.0}
    assert faces.encoded == 1


def test_the_first_and_the_last_picture_without_a_face_are_searched(
    see: See, faces: Watched
) -> None:
    see("nobody", "stranger", "stranger", "nobody", "stranger")
    assert [at_s for at_s, level in faces.looks if level == "search"] == [0.0, 3.0]


def test_pictures_of_a_short_moment_without_a_face_are_searched_once(
    see: See, faces: Watched
) -> None:
    see("nobody", "stranger", "nobody", "stranger")
    assert [at_s for at_s, level in faces.looks if level == "search"] == [0.0]


def test_a_glance_that_did_not_suffice_is_not_repeated_in_the_next_picture(
    see: See, faces: Watched
) -> None:
    see("nobody", "stranger", "ada")
    looks = [(at_s, level) for at_s, level in faces.looks if level != "search"]
    assert looks == [(0.0, "glance"), (0.0, "look"), (1.0, "look"), (2.0, "look")]


def test_an_empty_room_has_nobody(see: See) -> None:
    assert see("nobody") == Identification(None, any_face=False, cut_short=False)


def test_with_an_empty_gallery_the_first_face_ends_it_without_an_encoding(
    see: See, faces: Watched
) -> None:
    seen = see("nobody", "stranger", "stranger", known=Gallery.empty())
    assert (seen.person, seen.any_face) == (None, True)
    assert {at_s for at_s, _ in faces.looks} == {0.0, 1.0}
    assert faces.encoded == 0


def test_a_doubtful_face_is_looked_at_in_the_mirror_first(
    see: See, faces: Watched, portrait: Portrait
) -> None:
    """The known embedding lies where the face alone is not enough, and its mirror image is."""
    frame = Frame.from_rgb(portrait("ada"))
    found = faces.glance(frame)
    face, mirrored = faces.encode(frame, found), faces.encode_mirrored(frame, found)
    faces.looks.clear()
    towards = (mirrored - face) / np.linalg.norm(mirrored - face)
    seen = see("ada", "ada", known=Gallery(["ada"], face + 0.52 * towards))
    assert seen.person is not None
    assert seen.person.name == "ada"
    assert {at_s for at_s, _ in faces.looks} == {0.0}


def test_a_doubtful_face_that_moves_is_followed_up_at_once(
    make_clip: ClipMaker, faces: Watched, portrait: Portrait
) -> None:
    """The known embedding lies where one frame and its mirror image are not enough."""
    still = portrait("ada")
    frame = Frame.from_rgb(still)
    face = faces.encode(frame, faces.glance(frame))
    known = Gallery(["ada"], face + 0.54 * np.eye(128)[:1])
    faces.looks.clear()
    pictures = [np.roll(still, 20 * step, axis=1) for step in range(12)]
    with Video(io.BytesIO(make_clip(*pictures, rate=4, each=1))) as video:
        seen = identify(
            video,
            engine=faces,
            gallery=known,
            tolerance=0.6,
            frames_per_s=1.0,
            deadline=Deadline(60),
        )
    assert seen.person is not None
    assert [at_s for at_s, level in faces.looks if level == "glance"][:2] == [0.0, 0.25]


def test_out_of_time_what_was_seen_counts(see: See) -> None:
    assert see("ada", seconds=-1) == Identification(None, any_face=False, cut_short=True)


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("look", [identify, attend])
def test_after_the_deadline_no_pass_of_the_detector_begins(
    *,
    look: Callable[..., Identification | Attendance],
    passes: int,
    make_clip: ClipMaker,
    portrait: Portrait,
    gallery: Gallery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a clock that an hour passes on with each, and on which all else takes next to no time."""
    begun, find = 0, Detector.find

    def counted(*given: Any) -> Any:
        nonlocal begun
        begun += 1
        return find(*given)

    monkeypatch.setattr(Detector, "find", counted)
    empty, two = portrait("nobody", 960, 540), portrait("nobody", 960, 540)
    two[20:120, 20:120] = two[420:520, 840:940] = portrait("ada", 100, 100, 100)
    clip = make_clip(empty, two, two)
    with Video(io.BytesIO(clip)) as video:
        seen = look(
            video,
            engine=engine("dlib"),
            gallery=gallery,
            tolerance=0.6,
            frames_per_s=1.0,
            deadline=Deadline(3600 * passes - 1800, lambda: 3600.0 * begun),
        )
    assert (begun, seen.cut_short) == (passes, True)


def test_a_deadline_keeps_a_reserve_and_is_shared_by_the_videos_left() -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 100_000

    deadline = Deadline.share(Context(), 2)
    deadline.check(44.0)
    with pytest.raises(OutOfTime):
        deadline.check(46.0)
