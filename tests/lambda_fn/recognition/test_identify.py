import io
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hybridsphere.recognition.gallery import Gallery
from lambda_fn.faces import finder
from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Detector
from lambda_fn.faces.engine import Engine
from lambda_fn.recognition.attendance import Attendance, attend
from lambda_fn.recognition.identify import Identification, identify
from lambda_fn.runtime.deadline import Deadline, OutOfTime
from lambda_fn.video.video import Frame, Video
from tests.lambda_fn.function_stage import ClipMaker, Portrait

See = Callable[..., Identification]


class Watched(Engine):
    """The real thing, with a note of every look."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[tuple[float, bool]] = []
        self.encoded = 0

    def find(
        self, frame: Frame, *, thorough: bool = False, region: Box | None = None, **more: Any
    ) -> list[Box]:
        self.looks.append((round(frame.at_s, 2), thorough))
        return super().find(frame, thorough=thorough, region=region, **more)

    def encode(self, frame: Frame, boxes: list[Box], *more: Any) -> np.ndarray:
        self.encoded += len(boxes)
        return super().encode(frame, boxes, *more)


@pytest.fixture
def faces() -> Watched:
    return Watched()


@pytest.fixture
def see(make_clip: ClipMaker, portrait: Portrait, gallery: Gallery, faces: Watched) -> See:
    """Identifies whom a clip shows that is made of portraits, a second each."""

    def look(
        *names: str, face: int = 220, known: Gallery = gallery, seconds: float = 60.0
    ) -> Identification:
        clip = make_clip(*(portrait(name, face=face) for name in names), rate=4)
        with Video(io.BytesIO(clip)) as video:
            return identify(
                video,
                faces=faces,
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
    assert faces.looks == [(0.0, False)]


@pytest.mark.parametrize("before", [["stranger"], ["nobody"], ["nobody", "stranger", "nobody"]])
def test_a_known_person_is_found_behind_strangers_and_empty_frames(
    see: See, faces: Watched, before: list[str]
) -> None:
    seen = see(*before, "ada")
    assert seen.person is not None
    assert seen.person.name == "ada"
    assert not any(thorough for _, thorough in faces.looks)


def test_a_small_face_is_found(see: See) -> None:
    seen = see("nobody", "ada", face=110)
    assert seen.person is not None
    assert seen.person.name == "ada"


def test_a_video_longer_than_the_frames_that_wait_is_searched_to_its_end(see: See) -> None:
    seen = see(*["nobody"] * 10, "ada")
    assert seen.person is not None
    assert seen.person.name == "ada"


def test_a_stranger_is_encoded_once_a_frame_and_the_last_frame_gets_a_glance(
    see: See, faces: Watched
) -> None:
    seen = see("stranger")
    assert (seen.person, seen.any_face, seen.cut_short) == (None, True, False)
    assert faces.looks == [(0.0, False), (0.75, False), (0.0, True)]
    assert faces.encoded == 2


def test_a_picture_that_stays_the_same_gets_one_thorough_look(see: See, faces: Watched) -> None:
    see("nobody", "nobody", "nobody", "stranger")
    assert [at_s for at_s, thorough in faces.looks if thorough] == [0.0, 3.0]


def test_nobody_is_nobody(see: See) -> None:
    assert see("nobody") == Identification(None, any_face=False, cut_short=False)


def test_with_an_empty_gallery_the_first_face_ends_it_without_an_encoding(
    see: See, faces: Watched
) -> None:
    seen = see("nobody", "stranger", "stranger", known=Gallery.empty())
    assert (seen.person, seen.any_face) == (None, True)
    assert faces.looks == [(0.0, False), (1.0, False)]
    assert faces.encoded == 0


def test_a_doubtful_case_is_followed_up_at_once(
    see: See, faces: Watched, portrait: Portrait
) -> None:
    """The known embedding lies where one frame is not enough, and two are."""
    frame = Frame.from_rgb(portrait("ada"))
    face = faces.encode(frame, faces.find(frame))
    faces.looks.clear()
    seen = see("ada", "ada", "ada", known=Gallery(["ada"], face + 0.52 * np.eye(128)[:1]))
    assert seen.person is not None
    assert seen.person.name == "ada"
    assert faces.looks == [(0.0, False), (0.25, False)]


def test_a_doubtful_face_is_looked_at_in_the_mirror_before_another_frame_is(
    see: See, faces: Watched, portrait: Portrait
) -> None:
    """The known embedding lies where the face alone is not enough, and its mirror image is."""
    frame = Frame.from_rgb(portrait("ada"))
    boxes = faces.find(frame)
    face, mirrored = faces.encode(frame, boxes), faces.encode_mirrored(frame, boxes)
    faces.looks.clear()
    towards = (mirrored - face) / np.linalg.norm(mirrored - face)
    seen = see("ada", "ada", known=Gallery(["ada"], face + 0.52 * towards))
    assert seen.person is not None
    assert seen.person.name == "ada"
    assert faces.looks == [(0.0, False)]


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
    begun, rated = 0, Detector.rated

    def counted(*given: Any, **more: Any) -> Any:
        nonlocal begun
        begun += 1
        return rated(*given, **more)

    monkeypatch.setattr(Detector, "rated", counted)
    empty, two = portrait("nobody", 960, 540), portrait("nobody", 960, 540)
    two[20:120, 20:120] = two[420:520, 840:940] = portrait("ada", 100, 100, 100)
    clip = make_clip(empty, two, two)
    with Video(io.BytesIO(clip)) as video:
        seen = look(
            video,
            faces=Engine(),
            gallery=gallery,
            tolerance=0.6,
            frames_per_s=1.0,
            deadline=Deadline(3600 * passes - 1800, lambda: 3600.0 * begun),
        )
    assert (begun, seen.cut_short) == (passes, True)


@pytest.mark.parametrize(("seconds", "thorough"), [(7.9, False), (8.1, True)])
def test_no_thorough_look_begins_that_is_likely_to_end_after_the_deadline(
    *,
    seconds: float,
    thorough: bool,
    make_clip: ClipMaker,
    gallery: Gallery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the finder's clock a look at the frame in grey takes a second: one in colour at four times
    the pixels may take eight.
    """
    times = count()
    monkeypatch.setattr(finder, "time", SimpleNamespace(monotonic=lambda: float(next(times))))
    grey = np.full((540, 960, 3), 128, np.uint8)
    with Video(io.BytesIO(make_clip(grey))) as video:
        seen = identify(
            video,
            faces=Engine(),
            gallery=gallery,
            tolerance=0.6,
            frames_per_s=1.0,
            deadline=Deadline(seconds, lambda: 0.0),
        )
    assert seen.cut_short is not thorough


def test_a_deadline_keeps_a_reserve_and_is_shared_by_the_videos_left() -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 100_000

    deadline = Deadline.share(Context(), 2)
    deadline.check(44.0)
    with pytest.raises(OutOfTime):
        deadline.check(46.0)
